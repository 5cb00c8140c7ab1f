import Glibc
import LocalCloud
import Signatures

/// The configuration that `outrigger dev` writes and runs with: an ordinary one, to be read and copied from.
enum DevConfiguration {
    static func yaml(home: DevHome, cloud: LocalCloud) -> String {
        let queues = home.queues.map { queue in
            """
              - name: \(queue.handler)
                url: \(cloud.queueURL(queue.handler))
                dead-letter: \(cloud.queueURL(queue.handler + "-dlq"))
                handlers: [\(queue.handler)]
                poll-wait: 1s
            """
        }
        return """
            aws:
              endpoint: \(cloud.endpoint)
              region: eu-central-1
            queues:
            \(queues.joined(separator: "\n"))
            key-sets:
              - name: qsl
                url: \(cloud.endpoint)/keys/jwks-pqc
                sources: ["qsl.*"]
                require-binding: true
            signing:
              key: \(home.path("sidecar.key"))
              kid: \(home.keys.sidecar.keyID)
            bus:
              name: \(DevHome.bus)
            store:
              path: \(home.path("outrigger.db"))
              durability: durable
              low-water: 64MiB
            state-directory: \(home.path("state"))
            sandbox: available
            admin:
              listen: 127.0.0.1:0
            stop:
              deadline: 10s
            api:
              socket: \(home.socket)
              admin-socket: \(home.adminSocket)
              peers:
                - name: dev
                  users: [\(getuid())]
                  roles: [publish, read, operate]
                  publish:
                    - {source: qsl.payments, detail-types: [Payment.*.v1]}
                    - {source: qsl.workflows, detail-types: [Workflow.*.v1]}
                    - {source: qsl.users, detail-types: [User.*.v1, Preference.*.v1]}
                    - {source: qsl.tokens, detail-types: [Token.*.v1]}
                    - {source: qsl.settlement, detail-types: [Settlement.*.v1]}
            \(home.schemas.map { "schemas: \($0)" } ?? "")
            \(home.hasService ? services(home) : "")
            handlers:
            \(handlers(hasService: home.hasService))
            """
    }

    private static func services(_ home: DevHome) -> String {
        """
        services:
          \(LedgerProcess.name):
            socket: \(home.path("ledger.sock"))
        """
    }

    private static func plugin(_ name: String) -> String { Installation.path("lib\(name).so") }

    /// The service next door takes events itself, and does what two handlers cannot.
    private static func handlers(hasService: Bool) -> String {
        let ledger = LedgerProcess.name
        guard hasService else {
            return plugins(delivery: "", broadcast: "simulated: {failing: [polygon]}", calls: "")
        }
        return plugins(delivery: "service: \(ledger)", broadcast: "service: \(ledger)", calls: "calls: [\(ledger)]")
            + """

              - id: \(ledger)
                service: {name: \(ledger), path: /events}
                routes: [{source: qsl.payments, detail-type: "*"}]
            """
    }

    private static func plugins(delivery: String, broadcast: String, calls: String) -> String {
        books + "\n" + notification(delivery, calls) + "\n" + token(broadcast, calls)
    }

    /// Treasury and compliance need nothing but events.
    private static var books: String {
        """
          - id: treasury
            plugin: \(plugin("treasury"))
            config:
              opening:
                main: {EUR: "50000"}
              liquidity:
                EUR: {low: "10000", restored: "15000"}
            publish:
              - source: qsl.treasury
                detail-types:
                  [Payment.Released.v1, Liquidity.Low.v1, Liquidity.Restored.v1, Settlement.Reconciled.v1,
                   Settlement.Mismatched.v1]
          - id: compliance
            plugin: \(plugin("compliance"))
            config:
              version: "2026-11"
              sanctions:
                names: ["Jane Example", "ACME Trading Ltd."]
              limits:
                EUR: {review: "5000", block: "10000"}
              velocity: {window: 24h, count: 20}
              rules:
                user-not-verified: {verdict: clear, points: 5}
            publish:
              - source: qsl.compliance
                detail-types: [Compliance.Cleared.v1, Compliance.ReviewRequired.v1, Compliance.Blocked.v1]
        """
    }

    private static func notification(_ delivery: String, _ calls: String) -> String {
        """
          - id: notification
            plugin: \(plugin("notification"))
            config:
              defaults: {locale: en, channels: [email, push], timeZone: UTC}
              rate: {count: 100, window: 1h}
              \(delivery)
              templates:
                Payment.Settled.v1:
                  about: /paymentId
                  recipient: /userId
                  locales:
                    en:
                      subject: "Payment {/paymentId} is settled"
                      text: "{/amount} {/currency} to {/payee/name} is settled."
                Compliance.Blocked.v1:
                  about: /subjectId
                  recipient: /userId
                  priority: critical
                  locales:
                    en:
                      subject: "Please contact us"
                      text: "We cannot carry out {/subject} {/subjectId} now."
                Token.Confirmed.v1:
                  about: /requestId
                  recipient: /owner
                  channels: [push]
                  locales:
                    en:
                      subject: "{/token}"
                      text: "Done: {/action} of {/token}."
            \(calls)
            publish:
              - {source: qsl.notification, detail-types: [Notification.Sent.v1, Notification.Failed.v1]}
        """
    }

    private static func token(_ broadcast: String, _ calls: String) -> String {
        """
          - id: token
            plugin: \(plugin("token"))
            config:
              retry: {every: 1s, attempts: 3}
              broadcast:
                \(broadcast)
            \(calls)
            publish:
              - source: qsl.token
                detail-types: [Token.Confirmed.v1, Token.PartiallyConfirmed.v1, Token.Failed.v1]
        """
    }
}
