import LocalCloud
import Signatures

/// The configuration that `outrigger dev` writes and runs with: an ordinary one, to be read and copied from.
enum DevConfiguration {
    static func yaml(home: DevHome, cloud: LocalCloud) -> String {
        let queues = DevHome.queues.map { queue in
            """
              - name: \(queue.handler)
                url: \(cloud.queueURL(queue.handler))
                dead-letter: \(cloud.queueURL(queue.handler + "-dlq"))
                handlers: [\(queue.handler)]
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
            handlers:
            \(handlers)
            """
    }

    private static func plugin(_ name: String) -> String { Installation.path("lib\(name).so") }

    private static var handlers: String {
        """
          - id: treasury
            plugin: \(plugin("treasury"))
            config:
              opening:
                main: {EUR: "50000"}
              liquidity:
                EUR: {low: "10000", restored: "15000"}
            publish:
              - {source: qsl.treasury, detail-types: [Liquidity.Low.v1, Liquidity.Restored.v1]}
          - id: compliance
            plugin: \(plugin("compliance"))
            config:
              version: "2026-11"
              limits: {EUR: "10000"}
              paymentsPerDay: 20
              sanctioned: ["Jane Example", "ACME Trading Ltd."]
            publish:
              - {source: qsl.compliance, detail-types: [Compliance.Cleared.v1, Compliance.Blocked.v1]}
          - id: notification
            plugin: \(plugin("notification"))
            config:
              templates:
                Payment.Settled.v1:
                  about: /paymentId
                  recipient: /userId
                  channel: email
                  subject: "Payment {/paymentId} is settled"
                  text: "{/amount} {/currency} to {/payee/name} is settled."
                Token.Confirmed.v1:
                  about: /requestId
                  recipient: /owner
                  channel: push
                  subject: "{/token}"
                  text: "Done: {/action} of {/quantity} {/token} on {/network}."
            publish:
              - {source: qsl.notification, detail-types: [Notification.Sent.v1]}
          - id: token
            plugin: \(plugin("token"))
            config:
              networks: [main, side]
            publish:
              - {source: qsl.token, detail-types: [Token.Confirmed.v1, Token.Failed.v1]}
        """
    }
}
