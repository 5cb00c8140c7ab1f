/// The form of the treasury's configuration: JSON Schema, draft 7.

extension TreasurySettings {
    static let schema = #"""
        {
          "$schema": "http://json-schema.org/draft-07/schema#",
          "title": "Configuration of the treasury handler",
          "type": "object",
          "additionalProperties": false,
          "properties": {
            "opening": {
              "description": "Balances before the first payment, by account and currency",
              "type": "object",
              "propertyNames": {"pattern": "^[A-Za-z0-9._@-]{1,128}$"},
              "additionalProperties": {
                "type": "object",
                "propertyNames": {"pattern": "^[A-Z]{3}$"},
                "additionalProperties": {"$ref": "#/definitions/amount"}
              }
            },
            "liquidity": {
              "description": "Thresholds by currency, for each account; a currency not named is not watched",
              "type": "object",
              "propertyNames": {"pattern": "^[A-Z]{3}$"},
              "additionalProperties": {
                "type": "object",
                "additionalProperties": false,
                "required": ["low", "restored"],
                "properties": {
                  "low": {"description": "Low below this", "allOf": [{"$ref": "#/definitions/amount"}]},
                  "restored": {"description": "Restored at this or above", "allOf": [{"$ref": "#/definitions/amount"}]}
                }
              }
            },
            "day": {
              "description": "The business day",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "timeZone": {
                  "description": "A name such as Europe/Zurich, or a rule of POSIX",
                  "type": "string", "minLength": 3, "maxLength": 64, "default": "UTC"
                },
                "cutOff": {
                  "description": "The time of day at which the next business day begins",
                  "type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "default": "24:00"
                },
                "grace": {
                  "description": "How long after the cut-off late events are waited for",
                  "allOf": [{"$ref": "#/definitions/period"}]
                }
              }
            },
            "remember": {
              "description": "How long a finished payment is remembered, 30 days unless set",
              "allOf": [{"$ref": "#/definitions/period"}]
            }
          },
          "definitions": {
            "amount": {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,18})?$"},
            "period": {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$"}
          }
        }
        """#
}
