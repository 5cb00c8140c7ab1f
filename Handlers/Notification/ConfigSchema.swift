/// The form of the notifications' configuration: JSON Schema, draft 7.

extension NotificationSettings {
    static let schema = #"""
        {
          "$schema": "http://json-schema.org/draft-07/schema#",
          "title": "Configuration of the notification handler",
          "type": "object",
          "additionalProperties": false,
          "required": ["defaults", "rate", "templates"],
          "properties": {
            "defaults": {
              "description": "Preferences of a user who said none",
              "type": "object",
              "additionalProperties": false,
              "required": ["locale", "channels", "timeZone"],
              "properties": {
                "locale": {"$ref": "#/definitions/locale"},
                "channels": {"$ref": "#/definitions/channels"},
                "timeZone": {
                  "description": "A name such as Europe/Zurich, an offset such as +05:30, or a rule of POSIX",
                  "type": "string", "minLength": 3, "maxLength": 64
                },
                "quietHours": {
                  "type": "object",
                  "additionalProperties": false,
                  "required": ["from", "to"],
                  "properties": {
                    "from": {"$ref": "#/definitions/timeOfDay"},
                    "to": {"$ref": "#/definitions/timeOfDay"}
                  }
                }
              }
            },
            "fallback": {
              "description": "Languages that are tried after the user's own",
              "type": "array", "maxItems": 16,
              "items": {"$ref": "#/definitions/locale"}
            },
            "rate": {
              "description": "The most that one user gets within a sliding window",
              "type": "object",
              "additionalProperties": false,
              "required": ["count", "window"],
              "properties": {
                "count": {"type": "integer", "minimum": 1, "maximum": 100},
                "window": {"$ref": "#/definitions/period"}
              }
            },
            "service": {
              "description": "Who brings notifications to people, by its name in `services`; nobody unless set",
              "type": "string", "pattern": "^[A-Za-z0-9._@-]{1,64}$"
            },
            "queue": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "keep": {
                  "description": "How long a notification may wait, 2 days unless set",
                  "$ref": "#/definitions/period"
                },
                "retry": {
                  "description": "After which the delivery service is asked again, 1 minute unless set",
                  "$ref": "#/definitions/period"
                }
              }
            },
            "remember": {
              "description": "How long it is known that something was told, 30 days unless set",
              "$ref": "#/definitions/period"
            },
            "templates": {
              "description": "By event type",
              "type": "object",
              "additionalProperties": {
                "type": "object",
                "additionalProperties": false,
                "required": ["about", "locales"],
                "oneOf": [{"required": ["recipient"]}, {"required": ["recipientId"]}],
                "properties": {
                  "about": {
                    "description": "Where the event says what it is about; each value is told of once",
                    "$ref": "#/definitions/pointer"
                  },
                  "recipient": {"description": "Where it says whom to tell", "$ref": "#/definitions/pointer"},
                  "recipientId": {
                    "description": "Whom to tell, always",
                    "type": "string", "pattern": "^[A-Za-z0-9._@-]{1,128}$"
                  },
                  "priority": {"enum": ["low", "normal", "critical"], "default": "normal"},
                  "channels": {"$ref": "#/definitions/channels"},
                  "digest": {
                    "description": "Repeats within this time after the first become one notification",
                    "$ref": "#/definitions/period"
                  },
                  "locales": {
                    "type": "object",
                    "additionalProperties": {
                      "type": "object",
                      "additionalProperties": false,
                      "required": ["subject", "text"],
                      "properties": {
                        "subject": {"type": "string", "maxLength": 256},
                        "text": {"type": "string", "maxLength": 4096},
                        "digest": {
                          "description": "Needed where the template has a digest; {/count} is how many",
                          "type": "object",
                          "additionalProperties": false,
                          "required": ["subject", "text"],
                          "properties": {
                            "subject": {"type": "string", "maxLength": 256},
                            "text": {"type": "string", "maxLength": 4096}
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          },
          "definitions": {
            "channels": {
              "type": "array", "minItems": 1, "uniqueItems": true,
              "items": {"enum": ["email", "sms", "push", "in-app"]}
            },
            "locale": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9-]{1,34}$"},
            "period": {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$"},
            "pointer": {"type": "string", "pattern": "^(/.*)?$"},
            "timeOfDay": {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
          }
        }
        """#
}
