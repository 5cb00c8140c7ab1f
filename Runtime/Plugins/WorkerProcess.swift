import CProcess
import Events
import Glibc
import Pipeline
import WorkerProtocol

/// What every worker uses and none owns.
struct Surroundings {
    let program: String
    let directory: String
    let loop: EventLoop
    let spawner: Spawner
    let observer: any WorkerObserver
    let scratch = Scratch()
}

/// Where reads land before they are frames.
final class Scratch {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    deinit { memory.deallocate() }
}

/// What a worker tells its pool.
protocol WorkerOwner: AnyObject {
    func hello(_ worker: WorkerProcess, _ sandbox: SandboxReport, _ plugin: PluginDescription) throws(Failure)
    func created(_ worker: WorkerProcess, _ creation: WorkerMessage.Creation, at now: Int64)
    /// It uses more memory than it should.
    func outgrew(_ worker: WorkerProcess, _ memory: Int, at now: Int64)
    /// It was to end, and cannot be made to.
    func isStuck(_ worker: WorkerProcess)
    /// A batch was answered whole: there is room for another.
    func progressed(_ worker: WorkerProcess, at now: Int64)
}

/// One worker, from its spawn to its reaping: a process, or threads of the sidecar. Confined to the event loop.
final class WorkerProcess {
    enum Phase: Equatable {
        case loading(until: Int64)
        case creating(until: Int64)
        /// `create` asked for patience.
        case waiting(until: Int64)
        case ready
        case dying
    }
    /// Why the host ends it.
    enum Cause: Equatable {
        case overran(lane: Int)
        case badFrame(String)
        /// Its end of the socket is closed: mostly it is dead already, of a cause of its own.
        case hungUp
        case refused(Failure)
        case createOverran
        /// More memory or threads than it may have, in a way that the kernel does not refuse.
        case exceeded(String)
        case stopped
    }

    let token: UInt64
    private(set) var name: WorkerName
    var phase: Phase
    private(set) var cause: Cause?
    private let options: HandlerOptions
    private let around: Surroundings
    private unowned let owner: any WorkerOwner

    private let channel: Int32
    /// -1 for an inline one: it prints where the sidecar prints.
    private let output: Int32
    private let blame: BlameFile
    private let folder: WorkerFolder
    private var nextLook: Int64
    /// Inline: when it has had the time to end that it is given, and what each lane was in when it was told to.
    private var stuckAt: Int64?
    private var marks: [BlameFile.Mark?] = []
    private(set) var isStuck = false
    private var assembler = FrameAssembler()
    private var outgoing = FrameWriter()
    private var sent = 0
    private var isBlocked = false
    private var outputLines = OutputLines()
    private var lineGate = LineGate(linesPerSecond: Int(WP_LOG_LINES))

    /// One place for a batch per thread of the worker: its credits.
    var lanes: [LaneRun?] = []
    /// Events that a call of the handler takes.
    var batchMost = 1
    private var nextEvent: UInt32 = 1
    private var nextBatch: UInt32 = 1

    init(
        token: UInt64, name: WorkerName, options: HandlerOptions, user: UInt32, plugin: PluginFile,
        around: Surroundings, owner: any WorkerOwner, at now: Int64
    ) throws(Failure) {
        self.token = token
        self.name = name
        self.options = options
        self.around = around
        self.owner = owner
        phase = .loading(until: now + options.createDeadline.milliseconds)
        nextLook = now + Limits.workerLook.milliseconds
        folder = try WorkerFolder(in: around.directory)
        do throws(Failure) { blame = try BlameFile(in: around.directory) } catch {
            folder.remove()
            throw error
        }
        var ends: [Int32] = [-1, -1]
        var pipe: [Int32] = [-1, -1]
        let errors = (cp_channel(&ends), options.isInline ? 0 : cp_pipe(&pipe))
        let library = options.isInline ? folder.link(to: plugin.loaded.descriptor) : nil
        channel = ends[0]
        output = pipe[0]
        guard errors == (0, 0), options.isInline == (library != nil) else {
            for descriptor in ends + pipe + [blame.descriptor] where descriptor >= 0 { close(descriptor) }
            blame.remove()
            folder.remove()
            throw Failure(.handleWorkerUnavailable, name.description, SystemError.text(-min(errors.0, errors.1)))
        }
        let birth = cp_birth(
            output: pipe[1], channel: ends[1], plugin: plugin.loaded.descriptor, blame: blame.descriptor,
            library: plugin.carrier == nil ? -1 : plugin.descriptor)
        around.spawner.spawn(
            .init(
                token: token, path: around.program, arguments: options.confinement(user: user),
                environment: options.environment, directory: folder.path, hasHeir: options.sandbox == .strict,
                birth: birth, plugin: plugin, library: library))
    }

    /// Only now is it listened to: whatever it says, its process id is known.
    func started(process: Int32) {
        around.loop.register(channel, token << 1, writing: false)
        if output >= 0 { around.loop.register(output, token << 1 | 1, writing: false) }
        name = WorkerName(
            handler: name.handler, isTrial: name.isTrial, generation: name.generation, index: name.index,
            process: process)
    }

    var isIdle: Bool { lanes.allSatisfy { $0 == nil } }
    var freeLane: Int? { phase == .ready ? lanes.firstIndex { $0 == nil } : nil }
    var busyLanes: Int { lanes.count { $0 != nil } }
    var runsAlone: Bool { lanes.contains { $0?.batch.isAlone == true } }

    // MARK: - to the worker

    func create(at now: Int64) {
        phase = .creating(until: now + options.createDeadline.milliseconds)
        send { $0.create(options) }
    }

    func run(_ batch: Batch, prefetched: [[StateValue]], _ exchange: Exchange, lane: Int, at now: Int64) {
        let run = LaneRun(
            batch: batch, exchange: exchange, lane: lane, number: nextBatch, firstEvent: nextEvent,
            batchMost: batchMost, perEvent: options.deadline.milliseconds, at: now)
        nextBatch &+= 1
        nextEvent &+= UInt32(batch.assignments.count)
        if nextEvent < run.firstEvent { nextEvent = 1 }
        lanes[lane] = run
        blame.begin(lane: lane, batch: run.number, isAlone: options.isInline && batch.isAlone)
        for index in batch.assignments.indices { blame.note(batch.assignments[index].event.id, lane: lane, index) }
        send {
            $0.batch(
                run.number, lane: lane, firstNumber: run.firstEvent, batch.assignments, prefetched: prefetched)
        }
    }

    func reply(_ question: CallQuestion, _ reply: CallReply) {
        guard let (run, index) = locate(question.number), run.events[index].isAsking,
            run.batch.assignments[index].lease == question.lease
        else { return }
        if case .answer(let answer) = reply { run.events[index].calls.add(answer: answer.body.count) }
        run.events[index].isAsking = false
        run.events[index].leaving = nil
        send { $0.callAnswer(question.number, question.lease, reply) }
    }

    func reply(_ question: StateQuestion, _ values: [StateValue]?) {
        guard let (run, index) = locate(question.number), run.events[index].isAsking else { return }
        run.events[index].isAsking = false
        send { $0.stateValues(question.number, question.lease, values) }
    }

    /// True if the event of this lease is here.
    func revoke(_ lease: Lease) -> Bool {
        for case let run? in lanes {
            guard let index = run.batch.assignments.firstIndex(where: { $0.lease == lease }) else { continue }
            revoke(run, index)
            return true
        }
        return false
    }

    private func revoke(_ run: LaneRun, _ index: Int) {
        guard run.events[index].result == nil, !run.events[index].isRevoked else { return }
        run.events[index].isRevoked = true
        run.events[index].leaving?.now()
        send { $0.revoke(run.firstEvent &+ UInt32(index), run.batch.assignments[index].lease) }
    }

    func stop() {
        guard phase != .dying else { return }
        cause = cause ?? .stopped
        phase = .dying
        send { $0.stop() }
    }

    func kill(_ reason: Cause) {
        if cause == nil || cause == .stopped { cause = reason }
        phase = .dying
        if reason != .hungUp { around.observer.note(.killed(failure(of: reason)), of: name) }
        if options.isInline { cutOff() } else { around.spawner.kill(token) }
    }

    /// No thread can be killed. Without its socket each returns as soon as the handler does.
    private func cutOff() {
        guard stuckAt == nil else { return }
        marks = lanes.indices.map { blame.mark(lane: $0) }
        stuckAt = monotonicMilliseconds() + max(options.grace.milliseconds, 1)
        shutdown(channel, Int32(SHUT_RDWR))
    }

    private func tellIfStuck(at now: Int64) {
        guard let stuckAt, now >= stuckAt, !isStuck else { return }
        isStuck = true
        let why = cause.map { failure(of: $0).cause } ?? ""
        around.observer.note(.stuck(Failure(.handleStuck, name.description, why)), of: name)
        owner.isStuck(self)
    }

    private func send(_ build: (inout FrameWriter) -> Void) {
        let isQuiet = outgoing.count == 0
        build(&outgoing)
        if isQuiet { flush() }
    }

    /// What the socket does not take waits for it to be writable. Bounded by the lanes: each has one batch.
    func flush() {
        while sent < outgoing.count {
            let count = outgoing.withUnsafeBytes {
                Glibc.send(channel, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return block(true) }
                break
            }
            sent += count
        }
        outgoing.clear(keeping: 1_048_576)
        sent = 0
        block(false)
    }

    private func block(_ isBlocked: Bool) {
        if self.isBlocked != isBlocked { around.loop.change(channel, token << 1, writing: isBlocked) }
        self.isBlocked = isBlocked
    }

    // MARK: - from the worker

    /// At most a few reads, so that a talkative worker gets its turn and no more.
    func receive(at now: Int64, isLast: Bool = false) {
        do throws(BadFrame) {
            for _ in 0..<(isLast ? Int.max : 4) {
                let count = recv(channel, around.scratch.memory.baseAddress, around.scratch.memory.count, 0)
                if count < 0, errno == EINTR { continue }
                if count == 0, !isLast, cause == nil { kill(.hungUp) }
                if count == 0 { around.loop.unregister(channel) }
                if count <= 0 { return }
                assembler.append(UnsafeRawBufferPointer(rebasing: around.scratch.memory[..<count]))
                while let frame = try assembler.next() { try take(frame, at: now) }
            }
        } catch {
            around.loop.unregister(channel)
            kill(.badFrame(error.cause))
        }
    }

    private func take(_ frame: Frame, at now: Int64) throws(BadFrame) {
        switch try WorkerMessage(frame) {
        case .hello(let sandbox, let plugin):
            guard lanes.isEmpty else { throw BadFrame("hello twice") }
            if phase == .dying { return }
            var sandbox = sandbox
            sandbox.isInline = options.isInline
            around.observer.note(.started(sandbox), of: name)
            around.observer.note(.described(plugin), of: name)
            do { try owner.hello(self, sandbox, plugin) } catch { return kill(.refused(error)) }
            create(at: now)
        case .refused(let failure):
            guard lanes.isEmpty else { throw BadFrame("refused after hello") }
            if cause == nil {
                kill(.refused(Failure(failure.code, options.plugin, failure.cause)))
            }
        case .created(let creation):
            if phase == .dying { return }
            guard case .creating = phase else { throw BadFrame("created without create") }
            owner.created(self, creation, at: now)
        case .answer(let answer):
            let (run, index) = try owned(frame)
            try answered(run, index, answer, at: now)
        case .stateGet(let keys):
            let (run, index) = try owned(frame)
            try asked(run, index, frame.stream, keys)
        case .call(let request):
            let (run, index) = try owned(frame)
            try asked(run, index, frame.stream, request, at: now)
        case .denied(let source, let detailType):
            let (run, index) = try owned(frame)
            if lineGate.admits(at: now) {
                let id = run.batch.assignments[index].event.id
                around.observer.note(.denied(id, source: source, detailType: detailType), of: name)
            }
        case .line(let level, let message, let fields):
            let event = locate(frame.stream).map { $0.run.batch.assignments[$0.index].event }
            guard lineGate.admits(at: now) else { return }
            let line = HandlerLine(
                level: level, message: message.printable, fields: fields, event: event?.id,
                traceParent: event?.trace.parent ?? "")
            around.observer.note(.line(line), of: name)
        case .samples(let samples, let droppedSamples, let droppedLines):
            if !samples.isEmpty { around.observer.note(.samples(samples), of: name) }
            if droppedSamples + droppedLines > 0 {
                around.observer.note(.dropped(lines: droppedLines, samples: droppedSamples), of: name)
            }
        }
    }

    private func locate(_ number: UInt32) -> (run: LaneRun, index: Int)? {
        for case let run? in lanes {
            if let index = run.index(of: number) { return (run, index) }
        }
        return nil
    }

    /// The event that a frame is about: given to this worker, not answered, under this fencing token.
    private func owned(_ frame: Frame) throws(BadFrame) -> (LaneRun, Int) {
        guard let (run, index) = locate(frame.stream), run.awaits(index, fence: frame.fence) else {
            throw BadFrame("a word on an event that this worker does not have")
        }
        return (run, index)
    }

    private func asked(_ run: LaneRun, _ index: Int, _ number: UInt32, _ keys: [Bytes]) throws(BadFrame) {
        guard !run.events[index].isAsking else { throw BadFrame("two questions at a time") }
        run.events[index].isAsking = true
        let lease = run.batch.assignments[index].lease
        run.exchange.send(.stateGet(StateQuestion(worker: token, number: number, lease: lease, keys: keys)))
    }

    /// Only what the operator allows leaves this house; only what is well formed, the next one.
    private func asked(
        _ run: LaneRun, _ index: Int, _ number: UInt32, _ request: CallRequest, at now: Int64
    ) throws(BadFrame) {
        guard !run.events[index].isAsking else { throw BadFrame("two questions at a time") }
        guard outgoing.count - sent <= Limits.unreadByWorker else {
            throw BadFrame("answers that it does not read")
        }
        let assignment = run.batch.assignments[index]
        var tally = run.events[index].calls
        let ordinal = try tally.add(request)
        run.events[index].calls = tally
        guard options.allows(callTo: request.service) else {
            if lineGate.admits(at: now) {
                around.observer.note(.callDenied(assignment.event.id, service: request.service), of: name)
            }
            return send { $0.callAnswer(number, assignment.lease, .denied) }
        }
        let left = Duration.milliseconds(run.deadline - now)
        guard !run.events[index].isRevoked, left > .zero else {
            return send { $0.callAnswer(number, assignment.lease, .expired) }
        }
        let call = ServiceCall(
            service: request.service, method: request.method, path: request.path, headers: request.headers,
            body: request.body, idempotencyKey: request.idempotencyKey, timeout: min(left, request.timeout ?? left),
            answerBytes: tally.answerBytes,
            origin: .init(
                event: assignment.event.id, handler: options.id, attempt: assignment.attempt, ordinal: ordinal,
                traceParent: assignment.event.trace.parent))
        let leaving = Leaving()
        run.events[index].isAsking = true
        run.events[index].leaving = leaving
        run.exchange.send(
            .call(
                CallQuestion(worker: token, number: number, lease: assignment.lease, call: call, leaving: leaving)))
    }

    private func answered(_ run: LaneRun, _ index: Int, _ answer: Answer, at now: Int64) throws(BadFrame) {
        if case .done(let effects) = answer, !effects.isNothing {
            // The worker refused these already; a handler that writes frames of its own goes round it.
            guard effects.drafts.allSatisfy(options.allows) else { throw BadFrame("a draft that is not listed") }
            guard effects.bytes <= Limits.effectsBytes else { throw BadFrame("too many effects") }
        }
        run.events[index].leaving?.now()
        run.answered(index, answer, at: now)
        guard run.remaining == 0 else { return }
        lanes[run.lane] = nil
        if run.late > 0 { around.observer.note(.late(answers: run.late), of: name) }
        run.exchange.send(.ended(run.results))
        owner.progressed(self, at: now)
    }

    func receiveOutput(at now: Int64) {
        guard output >= 0 else { return }
        let count = read(output, around.scratch.memory.baseAddress, around.scratch.memory.count)
        if count == 0 { around.loop.unregister(output) }
        if count > 0 { print(outputLines.lines(of: around.scratch.memory[..<count]), at: now) }
    }

    private func print(_ lines: [String], at now: Int64) {
        for line in lines where lineGate.admits(at: now) { around.observer.note(.output(line), of: name) }
    }

    // MARK: - memory and threads

    /// Looks now and then. What no limit of the kernel's holds is held here: a worker far beyond it is killed.
    private func look(at now: Int64) {
        nextLook = now + Limits.workerLook.milliseconds
        guard phase != .dying, name.process != 0, let usage = WorkerUsage(process: name.process) else { return }
        around.observer.note(.used(memory: usage.memory, threads: usage.threads), of: name)
        if usage.memory > options.memory + Limits.workerMemorySlack {
            kill(.exceeded("it uses \(usage.memory) bytes of memory, \(options.memory) are allowed"))
        } else if usage.threads > Limits.workerThreads {
            kill(.exceeded("it has \(usage.threads) threads, \(Limits.workerThreads) are allowed"))
        } else if let soft = options.softMemory, usage.memory > soft, phase == .ready {
            owner.outgrew(self, usage.memory, at: now)
        }
    }

    // MARK: - time

    /// Does what is due. Answers when to be asked next, `nil` for no time.
    func tick(at now: Int64) -> Int64? {
        var next: Int64?
        func consider(_ time: Int64) { next = min(next ?? time, time) }
        if now >= nextLook { look(at: now) }
        if phase != .dying { consider(nextLook) }
        tellIfStuck(at: now)
        if let stuckAt, !isStuck { consider(stuckAt) }
        switch phase {
        case .loading(let until), .creating(let until):
            if now >= until { kill(.createOverran) } else { consider(until) }
        case .waiting(let until):
            if now >= until { create(at: now) } else { consider(until) }
        case .ready: break
        case .dying: break
        }
        for lane in lanes.indices where phase != .dying || cause == .stopped {
            guard let run = lanes[lane] else { continue }
            if let graceEnd = run.graceEnd {
                if now >= graceEnd { kill(.overran(lane: lane)) } else { consider(graceEnd) }
            } else if now >= run.deadline {
                for index in run.events.indices { revoke(run, index) }
                run.graceEnd = now + options.grace.milliseconds
                consider(now + options.grace.milliseconds)
            } else {
                consider(run.deadline)
            }
        }
        let dropped = lineGate.dropped > 0 && lineGate.admits(at: now) ? lineGate.takeDropped() : 0
        if dropped > 0 { around.observer.note(.dropped(lines: dropped, samples: 0), of: name) }
        if lineGate.dropped > 0 { consider(now + 1000) }
        return next
    }

    // MARK: - the end

    /// It is reaped. Hears what it said last, then tells each event's end.
    func ended(_ ending: Ending, at now: Int64) -> String {
        phase = .dying
        if cause == .hungUp, ending != .signalled(SIGKILL) { cause = nil }
        // A handler that dies in destroy() says of what.
        if cause == .stopped, !options.isInline, ending != .exited(0), ending != .signalled(SIGKILL) { cause = nil }
        if case .badFrame = cause {} else { receive(at: now, isLast: true) }
        receiveOutput(at: now)
        print(outputLines.flush(), at: now)
        for lane in lanes.indices {
            guard let run = lanes[lane] else { continue }
            lanes[lane] = nil
            run.exchange.send(.ended(conclude(run, lane: lane, ending)))
        }
        return cause.map { failure(of: $0).cause } ?? ending.text
    }

    /// The sidecar ends before it does. Nobody is to blame.
    func abandon() {
        for lane in lanes.indices {
            guard let run = lanes[lane] else { continue }
            lanes[lane] = nil
            run.exchange.send(.ended(run.results))
        }
    }

    deinit {
        around.loop.unregister(channel)
        close(channel)
        if output >= 0 {
            around.loop.unregister(output)
            close(output)
        }
        blame.remove()
        folder.remove()
    }

    /// Only events that a thread was in are suspects; where one batch overran, only those of that batch.
    private func conclude(_ run: LaneRun, lane: Int, _ ending: Ending) -> [RunResult] {
        var suspects = 0..<0
        // Threads that ended by themselves, late, have taken their marks back.
        let mark = lane < marks.count ? marks[lane] : blame.mark(lane: lane)
        if let mark, mark.batch == run.number { suspects = mark.events }
        if case .overran(let culprit) = cause, culprit != lane { suspects = 0..<0 }
        if cause == .stopped { suspects = 0..<0 }
        return run.events.indices.map { index in
            if let result = run.events[index].result { return result }
            guard suspects.contains(index) else { return .unanswered }
            guard run.batch.isAlone else { return .suspect }
            let id = run.batch.assignments[index].event.id.text
            let why = cause.map { failure(of: $0) } ?? Failure(.handleCrashed, "", ending.text)
            return .struck(Failure(why.code, id, why.cause))
        }
    }

    func failure(of cause: Cause) -> Failure {
        let subject = name.description
        switch cause {
        case .overran: return Failure(.handleTimedOut, subject, "no answer within deadline and grace")
        case .badFrame(let why): return Failure(.handleBadFrame, subject, why)
        case .hungUp: return Failure(.handleCrashed, subject, "it closed its socket")
        case .refused(let failure): return failure
        case .createOverran:
            let seconds = options.createDeadline.wholeSeconds
            return Failure(.pluginNotReady, subject, "not loaded and created within \(seconds) s")
        case .exceeded(let what): return Failure(.handleCrashed, subject, what)
        case .stopped: return Failure(.handleWorkerUnavailable, subject, "stopped")
        }
    }
}
