// A whole configuration that is right, for the tests to spoil.
import Settings

enum Base {
    static let yaml = """
        queues:
          - name: orders
            url: https://sqs.eu-central-1.amazonaws.com/123456789012/orders
            handlers: [billing]
            dead-letter: https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dead
            hold: 1m
        handlers:
          - id: billing
            plugin: /opt/outrigger/libbilling.so
            deadline: 10s
            require-binding: true
            business-key: [/order/id]
            routes:
              - source: com.example.orders
            retry:
              base: 1s
              cap: 15m
            publish:
              - source: com.example.billing
                detail-types: [Invoice.Sent.v1]
            config:
              currency: EUR
        key-sets:
          - name: signing
            url: https://keys.example.com/keys/jwks-pqc
            sources: [com.example.*]
            refresh: 5m
        signing:
          key: /etc/outrigger/signing.key
          kid: billing-2026-01
        bus:
          name: default
        store:
          durability: durable

        """

    static func load(_ text: String, _ environment: [String: String] = [:]) -> (Configuration?, [Problem]) {
        Configuration.parse(Array(text.utf8), file: "outrigger.yaml", environment: environment)
    }

    /// The base with one piece replaced.
    static func replacing(_ old: String, _ new: String) -> String {
        precondition(yaml.contains(old), "the base has no \(old)")
        return yaml.replacing(old, with: new)
    }
}
