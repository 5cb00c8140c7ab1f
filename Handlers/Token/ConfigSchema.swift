/// The form of the token handler's configuration: JSON Schema, draft 7.

extension TokenSettings {
    static let schema = #"""
        {
          "$schema": "http://json-schema.org/draft-07/schema#",
          "title": "Configuration of the token handler",
          "type": "object",
          "additionalProperties": false,
          "required": ["broadcast"],
          "properties": {
            "networks": {
              "description": "The networks that tokens live on; the six of the house unless set",
              "type": "array", "minItems": 1, "maxItems": 64, "uniqueItems": true,
              "items": {"$ref": "#/definitions/name"}
            },
            "quorum": {
              "description": "How many networks must confirm; all but one unless set",
              "type": "integer", "minimum": 1, "maximum": 64
            },
            "retry": {
              "description": "Networks that have not confirmed are asked again",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "every": {
                  "description": "How long after the last time, 30s unless set",
                  "allOf": [{"$ref": "#/definitions/period"}]
                },
                "attempts": {
                  "description": "How often at all",
                  "type": "integer", "minimum": 1, "maximum": 1000, "default": 5
                }
              }
            },
            "tokens": {
              "description": "What is particular to a token, by its name",
              "type": "object",
              "propertyNames": {"pattern": "^[A-Za-z0-9._@-]{1,128}$"},
              "additionalProperties": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                  "decimals": {"type": "integer", "minimum": 0, "maximum": 18, "default": 18},
                  "supply": {
                    "description": "The most that there may be of it",
                    "type": "string", "pattern": "^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,18})?$"
                  }
                }
              }
            },
            "remember": {
              "description": "How long a finished request is remembered, 30 days unless set",
              "allOf": [{"$ref": "#/definitions/period"}]
            },
            "broadcast": {
              "description": "The way to the networks",
              "type": "object",
              "additionalProperties": false,
              "oneOf": [{"required": ["service"]}, {"required": ["simulated"]}],
              "properties": {
                "service": {
                  "description": "Who brings requests to the networks, by its name in `services`",
                  "allOf": [{"$ref": "#/definitions/name"}]
                },
                "simulated": {
                  "description": "Networks that are none: for development",
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "failing": {
                      "description": "Never confirm",
                      "type": "array", "items": {"$ref": "#/definitions/name"}
                    },
                    "slow": {
                      "description": "Confirm when they are asked again so often",
                      "type": "object", "additionalProperties": {"type": "integer", "minimum": 0}
                    }
                  }
                }
              }
            }
          },
          "definitions": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9._@-]{1,128}$"},
            "period": {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$"}
          }
        }
        """#
}
