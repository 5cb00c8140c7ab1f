/// The form of compliance's configuration: JSON Schema, draft 7.

extension ComplianceSettings {
    static let schema = #"""
        {
          "$schema": "http://json-schema.org/draft-07/schema#",
          "title": "Configuration of the compliance handler",
          "type": "object",
          "additionalProperties": false,
          "required": ["version", "sanctions", "limits", "velocity"],
          "properties": {
            "version": {
              "description": "Of these rules; every decision names it",
              "type": "string", "pattern": "^[A-Za-z0-9._@-]{1,128}$"
            },
            "sanctions": {
              "type": "object",
              "additionalProperties": false,
              "required": ["names"],
              "properties": {
                "names": {
                  "description": "Each spelling that is listed",
                  "type": "array", "maxItems": 20000,
                  "items": {"type": "string", "minLength": 1, "maxLength": 256}
                },
                "distance": {
                  "description": "Letters by which a similar name may differ, one for each four of its letters at most",
                  "type": "integer", "minimum": 0, "maximum": 4, "default": 1
                },
                "within": {
                  "description": "Review a name that holds all words of a listed one",
                  "type": "boolean", "default": true
                },
                "transliterate": {
                  "description": "Other spellings of letters, compared as well",
                  "type": "object",
                  "additionalProperties": {"type": "string", "maxLength": 8}
                }
              }
            },
            "limits": {
              "description": "By currency; one without a limit is not allowed",
              "type": "object",
              "propertyNames": {"pattern": "^[A-Z]{3}$"},
              "additionalProperties": {"$ref": "#/definitions/limit"}
            },
            "tokenLimits": {
              "description": "By token; one without a limit is not allowed",
              "type": "object",
              "propertyNames": {"pattern": "^[A-Za-z0-9._@-]{1,128}$"},
              "additionalProperties": {"$ref": "#/definitions/limit"}
            },
            "velocity": {
              "description": "What one user may move within a sliding window",
              "type": "object",
              "additionalProperties": false,
              "required": ["window", "count"],
              "properties": {
                "window": {"$ref": "#/definitions/period"},
                "count": {"$ref": "#/definitions/count"},
                "amounts": {"$ref": "#/definitions/amounts"}
              }
            },
            "structuring": {
              "description": "So many amounts from `from` up to the first limit within the window",
              "type": "object",
              "additionalProperties": false,
              "required": ["window", "count", "from"],
              "properties": {
                "window": {"$ref": "#/definitions/period"},
                "count": {"$ref": "#/definitions/count"},
                "from": {"$ref": "#/definitions/amounts"}
              }
            },
            "countries": {
              "description": "Codes of ISO 3166-1",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "blocked": {"$ref": "#/definitions/countries"},
                "review": {"$ref": "#/definitions/countries"}
              }
            },
            "rules": {
              "description": "What a rule does when it applies, where that is not its standard",
              "type": "object",
              "propertyNames": {
                "enum": [
                  "sanctioned-name", "similar-name", "listed-name-within", "mixed-scripts", "unit-not-allowed",
                  "amount-over-limit", "amount-to-review", "too-many", "too-much", "structuring", "country-blocked",
                  "country-to-review", "country-not-stated", "user-not-verified", "user-rejected", "user-blocked",
                  "user-under-review", "user-closed", "not-followed"
                ]
              },
              "additionalProperties": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                  "verdict": {"enum": ["clear", "review", "block"]},
                  "points": {"type": "integer", "minimum": 0, "maximum": 100}
                }
              }
            },
            "score": {
              "description": "The score from which on something is reviewed, or blocked",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "review": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
                "block": {"type": "integer", "minimum": 1, "maximum": 100, "default": 100}
              }
            },
            "revisit": {
              "description": "Open payments are decided again when their user changes",
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "from": {
                  "description": "The mildest verdict that a payment is given anew",
                  "enum": ["review", "block", "never"], "default": "review"
                },
                "within": {
                  "description": "How long a payment is open of which nobody says that it ended, 30 days unless set",
                  "$ref": "#/definitions/period"
                }
              }
            },
            "remember": {
              "description": "How long a decision is kept, 400 days unless set",
              "$ref": "#/definitions/period"
            }
          },
          "definitions": {
            "amount": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,18})?$"},
            "amounts": {
              "type": "object",
              "propertyNames": {"pattern": "^[A-Z]{3}$"},
              "additionalProperties": {"$ref": "#/definitions/amount"}
            },
            "limit": {
              "type": "object",
              "additionalProperties": false,
              "required": ["block"],
              "properties": {
                "review": {"description": "Reviewed above this", "$ref": "#/definitions/amount"},
                "block": {"description": "Blocked above this", "$ref": "#/definitions/amount"}
              }
            },
            "countries": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}$"}},
            "period": {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhd]$"},
            "count": {"type": "integer", "minimum": 1, "maximum": 200}
          }
        }
        """#
}
