// A key set's document. `$K` in it stands for a key's 1750 characters, since nobody finds those by chance.

import Events

@testable import Signatures

extension Target {
    private static let key = Forger.publicKey(Forger.house)
    private static let keyText = Forger.text(of: key)
    private static let secrets = ["priv", "d", "s", "k", "p", "q", "dp", "dq", "qi", "oth", "seed"]

    static let keySet = Target(name: "keyset") { input in
        let text = expand(input, ["K": keyText])
        let document: KeySetDocument
        do throws(Failure) { document = try KeySetDocument(parsing: text[...]) } catch {
            try demand(error.code == .keysRefused, "refused as \(error)")
            return "refused"
        }
        guard let nodes = PlainJSON(text, depth: 9)?["keys"]?.elements else {
            throw Broken(description: "taken, and it is no key set")
        }
        try demand(nodes.count <= Limits.keysPerSet, "more keys than there may be")
        let names = nodes.compactMap { $0["kid"]?.bytes }
        try demand(Set(names).count == names.count, "a kid twice")
        for node in nodes {
            try demand(node.members != nil, "a key that is no object")
            for name in secrets { try demand(node[name] == nil, "taken with \(name)") }
        }
        let ours = nodes.filter(isOurs)
        try demand(ours.count == document.keys.count, "\(document.keys.count) keys of \(ours.count)")
        for (node, key) in zip(ours, document.keys) { try check(key, node) }
        var state = KeySetState(KeySetOptions(name: "house", url: "", sources: []), seed: 1)
        let change = state.take(document, at: Forger.now)
        try demand(change.added == document.keys.count && change.retired == 0, "not all of them are new")
        return "taken"
    }

    private static func isOurs(_ node: PlainJSON) -> Bool {
        let isHouse = node["kty"]?.isText("PQK") == true && node["alg"]?.isText("Dilithium2") == true
        let isStandard = node["kty"]?.isText("AKP") == true && node["alg"]?.isText("ML-DSA-44") == true
        return (isHouse || isStandard) && node["use"]?.isText("sig") != false
    }

    private static func check(_ key: VerificationKey, _ node: PlainJSON) throws {
        try demand(node["kid"]?.isText(key.keyID) == true, "another kid")
        try demand(node["alg"]?.isText(key.algorithm.rawValue) == true, "another algorithm")
        let text = node[key.algorithm == .dilithium2 ? "x" : "pub"]?.bytes
        try demand(key.bytes.count == CompactToken.publicKeyBytes, "another length")
        try demand(text == Forger.text(of: key.bytes), "another spelling of its bytes")
    }
}
