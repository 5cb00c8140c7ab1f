import Events
import Foundation
import Support
import Testing

/// Event streams as others read them: a browser and a Python client, through a proxy in front of the socket.
@Suite(.serialized, .timeLimit(.minutes(5))) struct StreamClientTests {
    @Test func aBrowserResumesAfterCutsOfTheProxyAndOfTheSidecar() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, more: ServiceCaller.settings(house))
            var sidecar = try house.start(path)
            let caller = ServiceCaller(house)
            #expect(await sidecar.isReady())
            let proxy = try Proxy(house, to: caller.socket)
            try proxy.start()
            let browser = try Browser(proxy.url + "/page.html", house)
            defer { browser.quit() }
            #expect(await proxy.has(.open), "\(proxy.log) \(browser.words)")
            var ids: [String] = []
            func publish(_ count: Int) async throws {
                for _ in 0..<count { ids.append(try #require(await caller.publish(ids.count, correlation: "page"))) }
            }
            try await publish(20)
            #expect(await proxy.has(.events(20)), "\(proxy.events.count)")
            // The proxy goes: the browser itself comes again, with the header.
            proxy.stop()
            try await publish(20)
            try proxy.start()
            #expect(await proxy.has(.events(40)), "\(proxy.events.count)")
            // The sidecar goes: the proxy answers 502, after which a page begins anew from its last number.
            sidecar.kill()
            sidecar = try house.start(path)
            #expect(await sidecar.isReady())
            try await publish(20)
            #expect(await proxy.has(.events(60)), "\(proxy.events.count)")
            #expect(proxy.events == ids)
            #expect(proxy.log.contains(#/last-event-id=[0-9]/#), "\(proxy.log.suffix(500))")
            #expect(sidecar.stop() == 0)
            proxy.stop()
        }
    }

    @Test func anIndependentClientResumesWithoutGapAndRepeat() async throws {
        try await House.inLocalCloud { house, cloud in
            let sidecar = try house.start(try house.write(cloud, more: ServiceCaller.settings(house)))
            let caller = ServiceCaller(house)
            #expect(await sidecar.isReady())
            let proxy = try Proxy(house, to: caller.socket)
            try proxy.start()
            var ids: [String] = []
            for n in 0..<30 { ids.append(try #require(await caller.publish(n, correlation: "page"))) }
            let script = """
                import json, sys, httpx, httpx_sse
                url, last, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
                with httpx.Client(timeout=30) as client:
                    with httpx_sse.connect_sse(client, "GET", url, headers={"Last-Event-ID": last}) as source:
                        for event in source.iter_sse():
                            if event.event != "accepted": continue
                            print(event.id, json.loads(event.data)["eventId"], flush=True)
                            count -= 1
                            if count == 0: break
                """
            let file = house.folder.file("client.py")
            try script.write(toFile: file, atomically: true, encoding: .utf8)
            let address = proxy.url + "/v1/events/stream?correlationId=page"
            var last = "0"
            var seen: [String] = []
            // Each reads ten and hangs up in the middle of the stream.
            for _ in 0..<3 {
                let result = try Shell.run("python3 \(file) '\(address)' \(last) 10")
                #expect(result.status == 0, "\(result.output)")
                let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
                seen += lines.compactMap(\.last)
                last = lines.last?.first ?? last
            }
            #expect(seen == ids)
            // And curl, straight at the socket.
            let curl = try Shell.run(
                """
                curl -sSN -m 5 --unix-socket \(caller.socket) -H 'Last-Event-ID: 0' \
                'http://localhost/v1/events/stream?correlationId=page' | grep -c -m 30 '^event: accepted'
                """)
            #expect(curl.output.contains("30"), "\(curl.output)")
            #expect(sidecar.stop() == 0)
            proxy.stop()
        }
    }
}

/// nginx, from TCP on loopback to the Unix socket. It serves a page as well, and its log tells what the page has seen.
private final class Proxy {
    enum Sign {
        case open
        case events(Int)
    }

    let url: String
    private let folder: String
    private let configuration: String
    private var process: ChildProcess?

    init(_ house: House, to socket: String) throws {
        folder = house.folder.path
        let port = TestServer.freePort()
        url = "http://127.0.0.1:\(port)"
        configuration = house.folder.file("nginx.conf")
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/nginx;" }
        let text = """
            daemon off;
            user root;
            worker_processes 1;
            pid \(folder)/nginx.pid;
            error_log \(folder)/nginx.error;
            events {}
            http {
                log_format seen '$request_uri last-event-id=$http_last_event_id';
                \(temporary.joined(separator: " "))
                server {
                    listen 127.0.0.1:\(port);
                    location = /page.html { root \(folder); types { text/html html; } access_log off; }
                    location /seen { access_log \(folder)/seen seen; return 204; }
                    location / {
                        access_log \(folder)/asked seen;
                        proxy_pass http://unix:\(socket):;
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                        proxy_buffering off;
                    }
                }
            }
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        try Self.page.write(toFile: folder + "/page.html", atomically: true, encoding: .utf8)
    }

    /// Reports each event by a request of its own, in order.
    private static let page = """
        <script>
        let last = "", line = Promise.resolve();
        const report = path => line = line.then(() => fetch(path)).catch(() => new Promise(
            again => setTimeout(again, 100)).then(() => fetch(path)));
        function open() {
            const source = new EventSource("/v1/events/stream?correlationId=page&lastEventId=" + last);
            source.onopen = () => report("/seen/open");
            source.addEventListener("accepted", event => {
                last = event.lastEventId;
                report("/seen/event/" + JSON.parse(event.data).eventId);
            });
            source.addEventListener("sent", event => { last = event.lastEventId; });
            source.onerror = () => { if (source.readyState == EventSource.CLOSED) setTimeout(open, 200); };
        }
        open();
        </script>
        """

    func start() throws {
        process = try ChildProcess(["/usr/sbin/nginx", "-c", configuration, "-p", folder])
    }

    /// At once: connections are cut.
    func stop() {
        process?.signal(SIGTERM)
        _ = process?.end(within: .seconds(20))
        process = nil
    }

    var log: String {
        ["seen", "asked"].map { (try? String(contentsOfFile: folder + "/" + $0, encoding: .utf8)) ?? "" }.joined()
    }

    /// The ids that the page has reported, in order.
    var events: [String] {
        log.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("/seen/event/") else { return nil }
            return String(line.dropFirst("/seen/event/".count).prefix { $0 != " " })
        }
    }

    func has(_ sign: Sign) async -> Bool {
        await eventually(within: .seconds(40)) {
            switch sign {
            case .open: log.contains("/seen/open")
            case .events(let count): events.count >= count
            }
        }
    }
}

/// Chromium without a screen.
private final class Browser {
    private let process: ChildProcess
    private let log: String

    init(_ address: String, _ house: House) throws {
        log = house.folder.file("chromium.log")
        let command = [
            "/usr/bin/chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--remote-debugging-port=0",
            "--user-data-dir=\(house.folder.file("chromium"))", address,
        ]
        process = try ChildProcess(command, output: .file(log), errors: .file(log), leavesNothing: true)
    }

    /// What it said, for a test that fails.
    var words: String { String(((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").suffix(1_000)) }

    func quit() {
        process.signal(SIGTERM)
        if process.end(within: .seconds(20)) == nil { process.kill() }
    }
}
