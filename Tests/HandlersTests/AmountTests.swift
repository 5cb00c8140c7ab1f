/// Exact decimals, currencies and identifiers.

import Kit
import Testing

@Suite struct AmountTests {
    static let readings = [
        ("0", "0"), ("-0", "0"), ("0.0", "0"), ("12.50", "12.5"), ("-12.5", "-12.5"), ("1e3", "1000"),
        ("1E+3", "1000"), ("1.5e-7", "0.00000015"), ("0.000000000000000001", "0.000000000000000001"),
        ("1000e-3", "1"), ("1.10000000000000000000000", "1.1"), ("0e999", "0"),
        ("170141183460469231731.687303715884105727", "170141183460469231731.687303715884105727"),
        ("-170141183460469231731.687303715884105727", "-170141183460469231731.687303715884105727"),
    ]

    @Test(arguments: readings) func readsExactly(text: String, shortest: String) throws {
        let amount = try #require(Amount(text))
        #expect(amount.text == shortest)
        #expect(Amount(amount.text) == amount)
    }

    @Test(arguments: [
        "", " 1", "1 ", "+1", ".5", "5.", "01", "1e", "1e1.5", "0x10", "1_000", "1,5", "NaN", "--1", "1/2", "\"1\"",
        "\u{661}",
        "0.0000000000000000001", "1e-19", "170141183460469231731.687303715884105728", "1e21", "1e400", "1e99999",
        String(repeating: "1", count: 65), "0." + String(repeating: "0", count: 63),
    ]) func refusesWhatItCannotHoldExactly(text: String) {
        #expect(Amount(text) == nil)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func sumsAndOrderAreThoseOfIntegers(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<50 {
            let a = Int.random(in: -1_000_000_000...1_000_000_000, using: &numbers)
            let b = Int.random(in: -1_000_000_000...1_000_000_000, using: &numbers)
            let (x, y) = (try #require(Amount("\(a)e-4")), try #require(Amount("\(b)e-4")))
            #expect(try x + y == Amount("\(a + b)e-4"))
            #expect(try x - y == Amount("\(a - b)e-4"))
            #expect((x < y) == (a < b))
        }
    }

    @Test func aSumOutOfRangeIsARejection() throws {
        let most = try #require(Amount("170141183460469231731.687303715884105727"))
        let least = try #require(Amount("-170141183460469231731.687303715884105727"))
        let unit = try #require(Amount("0.000000000000000001"))
        #expect(throws: Rejection.self) { try most + unit }
        #expect(throws: Rejection.self) { try least - unit }
        #expect(throws: Rejection.self) { try most - least }
        #expect(try most + least == .zero)
    }

    @Test func isReadFromTextsAndNumbers() throws {
        let value = try JSON.text(#"{"t": "12.30", "n": 12.30, "b": true, "zero": 0, "less": "-1"}"#)
        #expect(try value.amount(at: "/t") == value.amount(at: "/n"))
        #expect(throws: JSON.Mismatch.self) { try value.amount(at: "/b") }
        #expect(throws: JSON.Mismatch.self) { try value.amount(at: "/missing") }
        #expect(try value.positiveAmount(at: "/n").text == "12.3")
        #expect(throws: JSON.Mismatch.self) { try value.positiveAmount(at: "/zero") }
        #expect(throws: JSON.Mismatch.self) { try value.positiveAmount(at: "/less") }
    }
}

@Suite struct NameTests {
    @Test func aCurrencyIsThreeCapitals() {
        #expect(Currency("EUR")?.code == "EUR")
        for text in ["", "EU", "EURO", "eur", "E R", "E1R", "\u{C4}UR"] { #expect(Currency(text) == nil, "\(text)") }
    }

    @Test func anIdentifierHoldsNoSeparator() {
        #expect(Identifier("P-1_a.b@c") != nil)
        #expect(Identifier(String(repeating: "a", count: 128)) != nil)
        for text in ["", "a:b", "a/b", "a b", "a\nb", "a{b", "\u{E9}", String(repeating: "a", count: 129)] {
            #expect(Identifier(text) == nil, "\(text)")
        }
    }
}

@Suite struct TemplateTests {
    @Test func fillsItsPlaces() throws {
        let template = try #require(Template("{/a}-{/b/c} {x} {"))
        #expect(template.render { $0.text.uppercased() } == "/A-/B/C {x} {")
    }

    @Test(arguments: ["{/a", "a {/b", "{/~}", "{/a {/b}"]) func refusesWhatIsNotClosedOrNoPointer(text: String) {
        #expect(Template(text) == nil)
    }

    @Test func aKeyTakesIdentifiersAlone() throws {
        let template: KeyTemplate = "balance:{/token}:{/owner}"
        #expect(try template.key(in: ["token": "gold", "owner": "ann"]) == "balance:gold:ann")
        #expect(throws: JSON.Mismatch.self) { try template.key(in: ["token": "gold:ann", "owner": "x"]) }
        #expect(throws: JSON.Mismatch.self) { try template.key(in: ["token": "gold"]) }
        #expect(throws: JSON.Mismatch.self) { try template.key(in: ["token": "gold", "owner": 7]) }
    }
}

@Suite struct TimestampTests {
    @Test func aDayBeginsAtMidnight() {
        #expect(Timestamp(milliseconds: 0).day == 0)
        #expect(Timestamp(milliseconds: 86_399_999).day == 0)
        #expect(Timestamp(milliseconds: 86_400_000).day == 1)
        #expect(Timestamp(milliseconds: -1).day == -1)
        #expect(Timestamp(milliseconds: -86_400_000).day == -1)
        #expect(Timestamp(milliseconds: .min).day < 0)
    }
}
