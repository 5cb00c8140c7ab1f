// Signatures verified side by side: each gets the verdict that it gets alone, whatever is beside it.

import CDilithium
import Cryptography
import Testing

@Suite("Dilithium: many at once")
struct DilithiumBatchTests {
    private struct Member: Sendable {
        let key: ManifoldKey
        let message: [UInt8]
        let signature: [UInt8]
        let expected: UInt32
    }

    /// Lengths around the ends of blocks: a block holds 136 bytes, and 32, 64 or 66 come before the message.
    private static let lengths = [
        0, 1, 69, 70, 71, 72, 73, 103, 104, 105, 135, 136, 137, 205, 206, 207, 208, 240, 271, 272, 600, 1_024, 4_096,
    ]

    private static let members: [Member] = {
        let signers = (0..<3).compactMap { try? SigningKey(seed: [UInt8](repeating: UInt8($0), count: 32)) }
        let keys = signers.map { ManifoldKey($0.publicKey) }
        return lengths.enumerated().compactMap { number, length in
            let message = (0..<length).map { UInt8(($0 * 7 + number) % 251) }
            let variant = SignatureVariant.allCases[number % 3]
            guard var signature = try? signers[number % 2].sign(message, as: variant) else { return nil }
            var expected = [DILITHIUM_ROUND31, DILITHIUM_IPD, DILITHIUM_MLDSA44][number % 3].rawValue
            var key = keys[number % 2]
            switch number % 7 {
            case 2: (signature[number], expected) = (signature[number] ^ 1, 0)
            case 4: (signature[2419], expected) = (255, 0)
            case 5: (key, expected) = (keys[2], 0)
            case 6 where number > 10: (signature, expected) = (Array(signature.dropLast()), 0)
            default: break
            }
            return Member(key: key, message: message, signature: signature, expected: expected)
        }
    }()

    @Test("every member of a batch gets its own verdict", arguments: [0, 1, 2, 3, 4, 5, 7, 10, 15, 16, 17, 18, 33, 69])
    func batches(count: Int) {
        #expect(Self.members.count == Self.lengths.count)
        for machine in 0..<4 {
            // The last turn mixes machines.
            let chosen = (0..<count).map { Self.members[($0 * 5 + machine) % Self.members.count] }
            let machines = (0..<count).map { machine < 3 ? machine : $0 }
            #expect(verdicts(chosen, machines) == chosen.map(\.expected))
        }
    }

    private func verdicts(_ members: [Member], _ machines: [Int]) -> [UInt32] {
        let messages = Array(members.map(\.message).joined()), signatures = Array(members.map(\.signature).joined())
        return messages.withUnsafeBufferPointer { messages in
            signatures.withUnsafeBufferPointer { signatures in
                var start = 0
                let parts = members.map { member in
                    defer { start += member.message.count }
                    return dilithium_part(
                        bytes: messages.baseAddress.map { $0 + start }, count: member.message.count)
                }
                return parts.withUnsafeBufferPointer { parts in
                    var start = 0
                    return verifyTogether(members.indices.compactMap { i in
                        defer { start += members[i].signature.count }
                        guard let part = parts.baseAddress else { return nil }
                        let signature = UnsafeBufferPointer(
                            rebasing: signatures[start..<start + members[i].signature.count])
                        return members[i].key.request(part + i, signature, on: machines[i])
                    })
                }
            }
        }
    }
}
