/// The currencies of the house, and how finely each is counted.

public import Kit

extension Currency {
    /// A currency of ISO 4217, list one of 2026-01-01 (SIX Financial Information AG, the maintenance agency). Metals,
    /// bond units and codes for tests are none, since nobody pays in them.
    ///
    /// - Returns: `nil` for any other code.
    public init?(iso code: String) {
        guard let currency = Currency(code), currency.decimals != nil else { return nil }
        self = currency
    }

    /// Decimals of the smallest unit: 2 for EUR, 0 for JPY; `nil` for a code that is no currency of ISO 4217.
    public var decimals: Int? { Currency.minorUnits[code] }

    private static let minorUnits: [String: Int] = {
        var units: [String: Int] = [:]
        for (decimals, codes) in lists {
            for code in codes.split(separator: " ") { units[String(code)] = decimals }
        }
        return units
    }()

    private static let lists: [(decimals: Int, codes: String)] = [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (
            2,
            """
            AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF \
            CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL \
            HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU \
            MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR \
            SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED \
            VES WST XAD XCD XCG YER ZAR ZMW ZWG
            """
        ),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ]
}
