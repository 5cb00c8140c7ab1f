public import Events
public import Pipeline

/// The handlers of one generation, ready to run: immutable from the moment it is built.
public struct HandlerGeneration: Sendable {
    public let number: Int
    /// In the order of their options.
    public let profiles: [HandlerProfile]
    private let keys: [HandlerID: BusinessKey]
    private let templates: [HandlerID: StateKeys]
    private let trials: [HandlerID: Trial]

    /// - Parameters:
    ///   - second: of the builds that are tried.
    ///   - previous: a trial that it has too goes on as it stands.
    /// - Throws: `plugin.mismatch` for pointers and templates that are none, and for a second build that does not take
    ///   what the serving one takes.
    init(
        _ number: Int, _ profiles: [HandlerProfile], _ options: [HandlerID: TrialOptions] = [:],
        _ second: [HandlerID: HandlerProfile] = [:], after previous: HandlerGeneration? = nil
    ) throws(Failure) {
        self.number = number
        self.profiles = profiles
        var keys: [HandlerID: BusinessKey] = [:]
        var templates: [HandlerID: StateKeys] = [:]
        for profile in profiles {
            keys[profile.id] = try BusinessKey(profile.businessKey)
            let handler = profile.plugin.handlers.first { $0.id == profile.id }
            templates[profile.id] = try StateKeys(handler?.stateKeys ?? [])
        }
        self.keys = keys
        self.templates = templates
        var trials: [HandlerID: Trial] = [:]
        for profile in profiles {
            guard let options = options[profile.id], let tried = second[profile.id] else { continue }
            try tried.takesAll(of: profile)
            if tried.isReused, let trial = previous?.trials[profile.id], trial.options == options {
                trials[profile.id] = trial
                continue
            }
            let handler = tried.plugin.handlers.first { $0.id == profile.id }
            trials[profile.id] = Trial(
                options, of: profile.id, keys: keys[profile.id], templates: try StateKeys(handler?.stateKeys ?? []))
        }
        self.trials = trials
    }

    func trial(of handler: HandlerID) -> Trial? { trials[handler] }

    public subscript(handler id: HandlerID) -> HandlerProfile? { profiles.first { $0.id == id } }

    /// The state keys that travel with an event of this handler.
    func stateKeys(of handler: HandlerID) -> StateKeys? { templates[handler].flatMap { $0.isEmpty ? nil : $0 } }
}

extension HandlerProfile {
    fileprivate func takesAll(of serving: HandlerProfile) throws(Failure) {
        let own = routes.map { RoutePattern(source: $0.source, detailType: $0.detailType) }
        let missing = serving.routes.first { route in
            !own.contains { $0.covers(RoutePattern(source: route.source, detailType: route.detailType)) }
        }
        guard let missing else { return }
        throw Failure(
            .pluginMismatch, id.text, "its second build does not take \(missing.source) \(missing.detailType)")
    }
}

extension HandlerGeneration: BusinessKeys {
    public func businessKey(of event: Event, for handler: HandlerID) -> Result<Digest?, Failure> {
        guard let key = keys[handler] else { return .success(nil) }
        return key.digest(of: event).map { $0 }
    }
}
