/// What is done with one user's notifications at one moment: tell now, wait, count, or let go.

import Kit
import Vocabulary

struct Desk {
    let settings: NotificationSettings
    let now: Timestamp
    let outbound: Outbound
    private var host: any Host { outbound.host }

    init(settings: NotificationSettings, now: Timestamp, outbound: Outbound) {
        self.settings = settings
        self.now = now
        self.outbound = outbound
    }

    /// What one timer does at most, by the host's limits on writes and drafts; the rest is for the next.
    private static let releasesAtMost = 8

    // MARK: - an event

    func tell(_ event: Event, _ template: NoticeTemplate) throws {
        let recipient = try template.recipient(of: event.detail)
        let id = try template.noticeID(of: event.detail, event.detailType)
        guard try !outbound.wasTold(id) else {
            host.count("told_before")
            return
        }
        let preference = try preference(of: recipient)
        let locale = template.locale(for: settings.locales(for: preference))
        let words = try template.words(locale, event.detail)
        let notice = Notice(
            id: id, eventType: event.detailType, recipient: recipient, priority: template.priority,
            channels: settings.channels(of: template, for: preference), locale: locale, subject: words.subject,
            text: words.text)
        guard !notice.channels.isEmpty else { return try outbound.fail(notice, .noChannel) }
        guard notice.priority < .critical else {
            _ = try outbound.deliver(notice)
            return
        }
        try place(notice, preference, digest: template.digestWindow)
    }

    /// Tells now, counts into a digest, or lets wait.
    private func place(_ notice: Notice, _ preference: Preference, digest window: Duration?) throws {
        let before = try mailbox(of: notice.recipient)
        var mailbox = before
        if window != nil, mailbox.count(notice.eventType) {
            try outbound.note(notice.id, .digested)
            host.count("digested")
        } else if mailbox.earliest(from: now, preference, settings.rate) <= now,
            !mailbox.holdsBefore(notice.priority)
        {
            if try outbound.deliver(notice) { mailbox.noteSent(at: now, settings.rate) }
            if let window { mailbox.open(notice.eventType, from: now, window: window) }
        } else {
            guard try hold(notice, in: &mailbox) else { return }
            if let window { mailbox.open(notice.eventType, from: now, window: window) }
        }
        guard !before.isIdle || !mailbox.isIdle else { return try write(mailbox, of: notice.recipient) }
        try keep(mailbox, of: notice.recipient, preference)
    }

    private func hold(_ notice: Notice, in mailbox: inout Mailbox) throws -> Bool {
        guard mailbox.enqueue(notice, at: now) else {
            try outbound.fail(notice, .queueFull)
            return false
        }
        try outbound.note(notice.id, .waiting)
        try host.write(notice, "waiting:\(notice.id)")
        host.count("held")
        return true
    }

    // MARK: - a timer

    /// Closes digests, and tells what waits and may go.
    func release(for recipient: Identifier) throws {
        var mailbox = try mailbox(of: recipient)
        let preference = try preference(of: recipient)
        for _ in 0..<Desk.releasesAtMost {
            guard let (eventType, digest) = mailbox.close(by: now) else { break }
            guard digest.count > 0, let notice = try summary(of: digest, eventType, recipient, preference) else {
                continue
            }
            if notice.channels.isEmpty {
                try outbound.fail(notice, .noChannel)
            } else {
                _ = try hold(notice, in: &mailbox)
            }
        }
        var isAnswered = true
        for _ in 0..<Desk.releasesAtMost {
            guard isAnswered, let waiting = mailbox.next else { break }
            isAnswered = try release(waiting, from: &mailbox, preference)
        }
        try keep(mailbox, of: recipient, preference, isAnswered: isAnswered)
    }

    /// - Returns: false if nothing more can go now.
    private func release(
        _ waiting: Mailbox.Waiting, from mailbox: inout Mailbox, _ preference: Preference
    ) throws -> Bool {
        let key = "waiting:\(waiting.id)"
        guard let notice = try host.read(Notice.self, key) else {
            mailbox.dequeue(waiting)
            return true
        }
        if waiting.since + settings.keep < now {
            try outbound.fail(notice, .expired)
        } else {
            guard mailbox.earliest(from: now, preference, settings.rate) <= now else { return false }
            do throws(HostFailure) {
                if try outbound.deliver(notice) { mailbox.noteSent(at: now, settings.rate) }
            } catch .unavailable {
                host.count("unavailable")
                return false
            }
        }
        mailbox.dequeue(waiting)
        try host.erase(key)
        return true
    }

    /// One notice for the repeats of a window; `nil` where its template is gone.
    private func summary(
        of digest: Mailbox.Digest, _ eventType: String, _ recipient: Identifier, _ preference: Preference
    ) throws -> Notice? {
        guard let template = settings.templates[eventType] else {
            host.count("without_template")
            return nil
        }
        let locale = template.locale(for: settings.locales(for: preference))
        guard let words = try template.digestWords(locale, count: digest.count) else { return nil }
        return Notice(
            id: "digest:\(eventType):\(recipient):\(digest.since.milliseconds)", eventType: eventType,
            recipient: recipient, priority: template.priority,
            channels: settings.channels(of: template, for: preference), locale: locale, subject: words.subject,
            text: words.text, count: digest.count)
    }

    // MARK: - preferences and state

    /// The newest revision stands, whatever the order in which they come.
    func adopt(_ preference: Preference, of user: Identifier) throws {
        let key = "preference:\(user)"
        let known = try host.read(Preference.self, key)
        if let known, known.revision == preference.revision, known != preference {
            throw Rejection("notification.revision-changed", "this revision said something else before")
        }
        guard known.map({ $0.revision < preference.revision }) ?? true else {
            host.count("late_preferences")
            return
        }
        try host.write(preference, key)
        let mailbox = try mailbox(of: user)
        if !mailbox.isIdle { try schedule(at: now + .seconds(1), for: user) }
    }

    private func preference(of user: Identifier) throws(HostFailure) -> Preference {
        try host.read(Preference.self, "preference:\(user)") ?? settings.preference
    }

    private func mailbox(of user: Identifier) throws(HostFailure) -> Mailbox {
        try host.read(Mailbox.self, "mailbox:\(user)") ?? Mailbox()
    }

    /// Writes the mailbox, and sets the timer for what it waits for next.
    private func keep(
        _ mailbox: Mailbox, of user: Identifier, _ preference: Preference, isAnswered: Bool = true
    ) throws {
        try write(mailbox, of: user)
        var times = mailbox.digests.values.map(\.until)
        if !mailbox.queue.isEmpty {
            let free = mailbox.earliest(from: now, preference, settings.rate)
            times.append(isAnswered ? free : max(free, now + settings.retry))
        }
        guard let next = times.min() else { return try host.removeTimer("mailbox:\(user)") }
        try schedule(at: max(next, now + .seconds(1)), for: user)
    }

    private func write(_ mailbox: Mailbox, of user: Identifier) throws(HostFailure) {
        try host.write(
            mailbox, "mailbox:\(user)", timeToLive: mailbox.isIdle ? settings.rate.window + .seconds(86_400) : nil)
    }

    private func schedule(at time: Timestamp, for user: Identifier) throws(HostFailure) {
        try host.setTimer("mailbox:\(user)", at: time, detail: .detail([.userID: user.json]))
    }
}
