// A message's body as it comes from the queue. `$T` in it stands for a token, so that there is one to find.

import Cryptography
import Events

@testable import Signatures

extension Target {
    private static let payload = Array(#"{"a":1}"#.utf8)
    private static let headers = [
        #"{"alg":"Dilithium2","kid":"house-1","ts":"2025-10-09T08:53:20Z","hash":"SHA-256","typ":"QSL-JWS-PQC"}"#,
        #"{"alg":"ML-DSA-44","kid":"standard-1","iat":1760000000,"src":"bank.pay","dt":"Paid.v1","jti":"j","res":""}"#,
    ].map { Array($0.utf8) }
    private static let tokens = [
        Forger.token(header: headers[0], payload: payload, Forger.house, .round31),
        Forger.token(header: headers[1], payload: payload, Forger.standard, .mldsa44),
    ]

    /// `$T` is a token that binds nothing, `$B` one that is bound.
    static let envelope = Target(name: "envelope") { input in
        let body = expand(input, ["T": tokens[0], "B": tokens[1]])
        switch try Gate.strict.verify(body[...]) {
        case .failure(let failure):
            try demand(failure.code.area == "verify", "refused as \(failure)")
            return failure.code.rawValue
        case .success(let event):
            guard let plain = PlainJSON(body, depth: Limits.jsonDepth) else {
                throw Broken(description: "a body that is no JSON")
            }
            try check(event, plain)
            return "accepted"
        }
    }

    private static func check(_ event: Event, _ root: PlainJSON) throws {
        let body = root["Data"] ?? root
        let detail = body["detail"] ?? body
        guard let token = detail["sig_compact"]?.bytes, let index = tokens.firstIndex(of: token),
            let header = PlainJSON(headers[index], depth: 5)
        else { throw Broken(description: "a token that nobody signed") }
        try Acceptance(header: header, payload: payload, rule: .strict).check(event)
        try demand(detail["detailCore"]?.canonical == payload, "detailCore is not what was signed")
        if body["detail"] != nil {
            try demand(body["source"]?.isText(event.source) == true, "another source")
            try demand(body["detail-type"]?.isText(event.detailType) == true, "another detail type")
            if index == 0 { try demand(body["id"]?.isText(event.id.text) == true, "another id") }
        }
    }

    /// Puts what a `$` and a letter stand for in their place, as often as it fits into a message.
    static func expand(_ input: [UInt8], _ meanings: [Character: [UInt8]]) -> [UInt8] {
        var output: [UInt8] = []
        var rest = input[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$"), let letter = rest.first,
                let meaning = meanings[Character(Unicode.Scalar(letter))], output.count < Limits.messageBytes
            else {
                output.append(byte)
                continue
            }
            rest.removeFirst()
            output += meaning
        }
        return output
    }
}
