// libFuzzer's way in. The program's name says which target it tries: there is a link for each.

import Foundation

// Read by libFuzzer's own thread alone, and the same ever after.
private let name = CommandLine.arguments[0].split(separator: "/").last.map(String.init)
private let target = Target.all.first { $0.name == name }

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        guard let target else { throw Broken(description: "no such target") }
        _ = try target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
    } catch {
        FileHandle.standardError.write(Data("broken: \(error)\n".utf8))
        abort()
    }
}
