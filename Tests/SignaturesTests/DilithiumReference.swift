// The mathematics of ML-DSA-44 once more, slowly and by the book: no fast transform, no Montgomery forms, each formula
// of FIPS 204 as it stands there. It makes keys and signatures that no signer would make.

enum Reference {
    static let modulus = 8_380_417
    static let interval = (modulus - 1) / 44
    typealias Polynomial = [Int]

    static func residue(_ x: Int) -> Int { (x % modulus + modulus) % modulus }

    // MARK: the ring

    /// Powers of 1753, the 512th root of unity.
    private static let powers = (1..<512).reduce(into: [1]) { $0.append($0[$1 - 1] * 1753 % modulus) }

    /// The exponents at which a transform evaluates: 2 BitRev8(i) + 1.
    private static let exponents = (0..<256).map { i in
        2 * (0..<8).reduce(0) { $0 | (i >> $1 & 1) << (7 - $1) } + 1
    }

    /// NTT by evaluation. Takes residues: the sums stay below 2^54.
    static func transform(_ x: Polynomial) -> Polynomial { exponents.map { evaluate(x, step: $0) } }

    /// The inverse, by interpolation.
    static func transformBack(_ x: Polynomial) -> Polynomial {
        let ordered = exponents.indices.reduce(into: Polynomial(repeating: 0, count: 512)) {
            $0[exponents[$1]] = x[$1]
        }
        return (0..<256).map { j in
            // 8347681 = 1 / 256 mod q
            evaluate(ordered, step: 512 - j) % modulus * 8_347_681 % modulus
        }
    }

    private static func evaluate(_ x: Polynomial, step: Int) -> Int {
        powers.withUnsafeBufferPointer { powers in
            x.withUnsafeBufferPointer { x in
                var sum = 0, exponent = 0
                for value in x {
                    sum &+= value &* powers[exponent]
                    exponent = (exponent &+ step) & 511
                }
                return sum % modulus
            }
        }
    }

    /// ExpandA (algorithm 32), rows of columns, transformed.
    static func matrix(_ seed: [UInt8]) -> [[Polynomial]] {
        (0..<4).map { row in
            (0..<4).map { column in
                let stream = shake(128, [seed, [UInt8(column), UInt8(row)]], count: 1008)
                let candidates = unpack(stream, bits: 24).map { $0 & 0x7f_ffff }
                return Array(candidates.filter { $0 < modulus }.prefix(256))
            }
        }
    }

    /// A times a vector of coefficients.
    static func product(_ matrix: [[Polynomial]], _ vector: [Polynomial]) -> [Polynomial] {
        let transformed = vector.map(transform)
        return matrix.map { row in
            transformBack((0..<256).map { i in (0..<4).reduce(0) { $0 + row[$1][i] * transformed[$1][i] } % modulus })
        }
    }

    // MARK: encodings

    static func unpack(_ bytes: some Collection<UInt8>, bits: Int) -> [Int] {
        var values: [Int] = [], buffer = 0, held = 0
        for byte in bytes {
            buffer |= Int(byte) << held
            held += 8
            while held >= bits {
                values.append(buffer & (1 << bits - 1))
                buffer >>= bits
                held -= bits
            }
        }
        return values
    }

    static func pack(_ values: some Collection<Int>, bits: Int) -> [UInt8] {
        var bytes: [UInt8] = [], buffer = 0, held = 0
        for value in values {
            buffer |= value << held
            held += bits
            while held >= 8 {
                bytes.append(UInt8(buffer & 255))
                buffer >>= 8
                held -= 8
            }
        }
        return bytes
    }

    /// The public key of an expanded private key: t1 of A s1 + s2.
    static func publicKey(of secret: [UInt8]) -> [UInt8] {
        let seed = Array(secret[..<32])
        let small = unpack(secret[128..<896], bits: 3).map { residue(2 - $0) }
        let vectors = (0..<8).map { Array(small[256 * $0..<256 * ($0 + 1)]) }
        let sums = zip(product(matrix(seed), Array(vectors[..<4])), vectors[4...]).map { product, error in
            zip(product, error).map { residue($0 + $1) }
        }
        // Power2Round (algorithm 35).
        return seed + pack(sums.joined().map { ($0 + 4095) >> 13 }, bits: 10)
    }

    // MARK: hints

    /// Decompose (algorithm 36).
    static func decompose(_ x: Int) -> (high: Int, low: Int) {
        var low = x % interval
        if low > interval / 2 { low -= interval }
        return x - low == modulus - 1 ? (0, low - 1) : ((x - low) / interval, low)
    }

    /// UseHint (algorithm 40).
    static func useHint(_ hint: Bool, _ x: Int) -> Int {
        let (high, low) = decompose(x)
        guard hint else { return high }
        return low > 0 ? (high + 1) % 44 : (high + 43) % 44
    }
}

/// A public key with t1 = 0. Whatever the challenge, c t1 is 0, so anyone can sign: with any z, any hints.
struct WeakKey {
    let seed: [UInt8]
    var publicKey: [UInt8] { seed + [UInt8](repeating: 0, count: 1280) }
    let matrix: [[Reference.Polynomial]]

    init(seed: [UInt8]) {
        self.seed = seed
        matrix = Reference.matrix(seed)
    }

    /// A z.
    func product(_ z: [Reference.Polynomial]) -> [Reference.Polynomial] {
        Reference.product(matrix, z.map { $0.map(Reference.residue) })
    }

    /// A signature with these z and hints over the representative, in which z need not be small. `w` is A z if it is
    /// known; `encoding` replaces the canonical encoding of the hints.
    func signature(
        over representative: [UInt8], z: [Reference.Polynomial], w: [Reference.Polynomial]? = nil,
        hints: [Set<Int>] = [[], [], [], []], encoding: [UInt8]? = nil
    ) -> [UInt8] {
        let w1 = zip(w ?? product(z), hints).map { w, hints in
            w.enumerated().map { Reference.useHint(hints.contains($0.offset), $0.element) }
        }
        let commitment = shake(256, [representative, Reference.pack(w1.joined(), bits: 6)], count: 32)
        let packed = Reference.pack(z.joined().map { 131_072 - $0 }, bits: 18)
        return commitment + packed + (encoding ?? Self.encode(hints))
    }

    /// HintBitPack (algorithm 20).
    static func encode(_ hints: [Set<Int>]) -> [UInt8] {
        let positions = hints.flatMap { $0.sorted().map { UInt8($0) } }
        let ends = hints.indices.map { row in UInt8(hints[...row].reduce(0) { $0 + $1.count }) }
        return positions + [UInt8](repeating: 0, count: 80 - positions.count) + ends
    }

    /// Zero but for one coefficient.
    static func monomial(_ value: Int, at position: Int = 0, of column: Int = 0) -> [Reference.Polynomial] {
        var z = [Reference.Polynomial](repeating: .init(repeating: 0, count: 256), count: 4)
        z[column][position] = value
        return z
    }
}
