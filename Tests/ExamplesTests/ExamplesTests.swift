/// What the pages for handler authors promise is what happens: each README runs as it stands.

import Foundation
import Support
import Testing

@Suite(.timeLimit(.minutes(10))) struct ExamplesTests {
    /// One after the other: compilers and sidecars of one page would starve those of another.
    @Test(.serialized, arguments: Page.all) func runsAsItStands(page: Page) throws {
        try #require(!page.steps.isEmpty, "\(page.path) says nothing to do")
        let reader = try Reader()
        let (status, output) = try reader.run(page.script)
        // Each step that succeeded is followed by a mark; what comes after the last mark is of the one that failed.
        let outputs = output.components(separatedBy: Page.mark)
        for (step, printed) in zip(page.steps, outputs.dropLast()) {
            guard let promised = step.output else { continue }
            let lines = printed.components(separatedBy: "\n").map(reader.anonymous)
            #expect(
                Promise.isKept(promised, by: Promise.trimmed(lines)), "\(page.path):\(step.line) prints: \(printed)")
        }
        if status != 0 {
            let line = page.steps.dropFirst(outputs.count - 1).first?.line ?? 0
            Issue.record("\(page.path):\(line) ends with \(status): \(outputs.last ?? "")")
        }
    }

    @Test func everyExampleHasAPage() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Fixtures.repository + "/examples")
        for name in names where name.first?.isNumber == true && !name.hasPrefix("1-") {
            #expect(Page.all.contains { $0.path == "examples/\(name)/README.md" }, "\(name)")
        }
    }

    @Test func aNewHandlerNeedsANameAndAPlace() throws {
        let reader = try Reader()
        for name in ["", "Fees", "1fees", "a_b", "../fees", "a b", String(repeating: "a", count: 49)] {
            #expect(try reader.run("Handlers/new-handler '\(name)' new").status == 2, "\(name)")
        }
        let (status, output) = try reader.run("Handlers/new-handler fees examples")
        #expect(status == 1 && output.contains("'examples' exists"))
        #expect(try reader.run("ls new").status != 0)
    }

    /// The structs that the Rust example wrote down again have the sizes of the header's.
    @Test func theRustStructsHaveTheHeadersSizes() throws {
        let rust = try String(
            contentsOfFile: Fixtures.repository + "/examples/5-hello-rust/event_handler.rs", encoding: .utf8)
        let asserts = rust.matches(of: #/assert!\(size_of::<(\w+)>\(\) == (\d+)\)/#).map {
            "_Static_assert(sizeof(\($0.output.1)) == \($0.output.2), \"\($0.output.1)\");"
        }
        #expect(asserts.count == rust.matches(of: #/pub struct /#).count)
        let folder = try TemporaryFolder()
        let source = "#include \"event_handler.h\"\n" + asserts.joined(separator: "\n") + "\n"
        try source.write(toFile: folder.file("sizes.c"), atomically: true, encoding: .utf8)
        let (status, output) = try Shell.run(
            "cc -std=c11 -fsyntax-only -I '\(Fixtures.repository)/Handlers/ABI/include' '\(folder.file("sizes.c"))'")
        #expect(status == 0, "\(output)")
    }

    @Test func aPromiseIsComparedLineByLine() {
        #expect(Promise.isKept(["a", "...", "d"], by: ["a", "b", "c", "d"]))
        #expect(Promise.isKept(["...", "a", "..."], by: ["a"]))
        #expect(Promise.isKept(["took ... ms", "(end)"], by: ["took 5 ms", "(end) "]))
        #expect(!Promise.isKept(["a", "...", "d"], by: ["a", "b"]))
        #expect(!Promise.isKept(["a"], by: ["a", "b"]))
        #expect(!Promise.isKept(["took ... ms"], by: ["took 5 s"]))
        #expect(!Promise.isKept(["a.c"], by: ["abc"]))
    }
}

/// Somebody who has a checkout of the repository, has built it once, and reads in a folder of their own.
struct Reader {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let (status, output) = try Shell.run(
            """
            set -e
            cd '\(Fixtures.repository)'
            tar -c --exclude='.build*' Handlers examples config Runtime/prepare | tar -x -C '\(folder.path)'
            cd '\(folder.path)'
            mkdir -p .build bin
            ln -s '\(Fixtures.products)' .build/debug
            ln -s '\(Fixtures.products)' .build/release
            cat >bin/swift <<'SHIM'
            #!/bin/sh
            # The repository itself was built before its tests ran; packages of readers are built for real.
            if [ "$1" = build ] && ! [ -e Package.swift ]; then
                case "$*" in *--show-bin-path*) echo "$PWD/.build/debug" ;; *) echo "Build complete!" ;; esac
            else
                PATH=${PATH#*:} exec swift "$@"
            fi
            SHIM
            chmod +x bin/swift
            """)
        guard status == 0 else { throw Unprepared(output: output) }
    }

    struct Unprepared: Error { let output: String }

    /// Runs a script as the reader would, whose compilers take their time.
    func run(_ script: String) throws -> (status: Int32, output: String) {
        try (environment + script).write(toFile: folder.file("script"), atomically: true, encoding: .utf8)
        return try Shell.run("exec sh '\(folder.file("script"))'", within: .seconds(480))
    }

    /// What a page leaves running when a step fails ends with the shell.
    private var environment: String {
        """
        cd '\(folder.path)' || exit 9
        export PATH='\(folder.path)/bin:\(Fixtures.products)':$PATH
        trap 'jobs -p >"\(folder.path)/jobs"; kill $(cat "\(folder.path)/jobs") 2>/dev/null || true' EXIT

        """
    }

    /// A line without the name of the reader's folder.
    func anonymous(_ line: String) -> String { line.replacingOccurrences(of: folder.path, with: ".") }
}
