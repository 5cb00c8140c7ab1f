/// What a configuration may leave out.

import Kit

extension JSON {
    func optional<Value>(
        at place: Pointer, _ read: (JSON, Pointer) throws(Mismatch) -> Value
    ) throws(Mismatch) -> Value? {
        self[place] == nil ? nil : try read(self, place)
    }

    func optionalMembers(at place: Pointer) throws(Mismatch) -> Members {
        self[place] == nil ? Members() : try members(at: place)
    }

    func optionalArray(at place: Pointer) throws(Mismatch) -> [JSON] {
        self[place] == nil ? [] : try array(at: place)
    }
}
