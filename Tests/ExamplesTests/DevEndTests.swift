/// `outrigger dev` that is killed leaves nobody behind.

import Foundation
import Support
import Testing

@Suite(.serialized, .timeLimit(.minutes(10))) struct DevEndTests {
    private let reader: Reader
    init() throws { reader = try Reader() }

    /// Killed, it can tell nobody: its service hears the end of its input, its workers that of their sockets.
    @Test func whatItStartedEndsWithItThoughItIsKilled() throws {
        let script = """
            outrigger dev --events 5 >said 2>&1 &
            dev=$!
            until grep -q 'Ctrl-C ends it' said; do kill -0 $dev || { cat said; exit 1; }; sleep 0.2; done
            children=$(cat /proc/$dev/task/*/children)
            for child in $children; do cat /proc/$child/comm; done
            kill -9 $dev
            wait $dev
            for child in $children; do
                until ! [ -e /proc/$child ] || grep -q '^State:.*[ZX]' /proc/$child/status; do sleep 0.1; done
            done
            echo 'all have ended'
            """
        let (status, output) = try reader.run(script)
        #expect(status == 0, "\(output)")
        for expected in ["ledger-service", "outrigger-work", "all have ended"] {
            #expect(output.contains(expected), "\(expected): \(output)")
        }
    }
}
