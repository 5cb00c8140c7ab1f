import StoreCommon
import Synchronization
import Testing

/// The store's thread: it sleeps where there is nothing to do, and nobody is forgotten.
@Suite struct StoreExecutorTests {
    private final class Diary: Sendable {
        private let lines = Mutex<[Int]>([])
        var all: [Int] { lines.withLock { $0 } }
        func write(_ line: Int) { lines.withLock { $0.append(line) } }
    }

    @Test func workRunsInTheOrderInWhichItCame() async {
        let executor = StoreExecutor()
        let diary = Diary()
        for number in 0..<5_000 { executor.enqueue { diary.write(number) } }
        await withCheckedContinuation { done in executor.enqueue { done.resume() } }
        #expect(diary.all == Array(0..<5_000))
    }

    @Test func nobodyIsForgottenHoweverOftenTheThreadFallsAsleep() async {
        let executor = StoreExecutor()
        let diary = Diary()
        await withTaskGroup { group in
            for lane in 0..<4 {
                group.addTask {
                    for _ in 0..<2_000 {
                        await withCheckedContinuation { done in executor.enqueue { done.resume() } }
                    }
                    diary.write(lane)
                }
            }
        }
        #expect(diary.all.sorted() == [0, 1, 2, 3])
    }

    @Test func whatIsForLaterKeepsNobodyWaitingAndComesInItsTurn() async {
        let executor = StoreExecutor()
        let diary = Diary()
        await withCheckedContinuation { done in
            executor.enqueue(after: .milliseconds(30)) {
                diary.write(3)
                done.resume()
            }
            executor.enqueue(after: .milliseconds(10)) { diary.write(2) }
            executor.enqueue { diary.write(1) }
        }
        #expect(diary.all == [1, 2, 3])
    }

    private actor Confined {
        private let executor = StoreExecutor("a name that is too long for a thread")
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
        private var count = 0

        func add() -> Int {
            assertIsolated()
            count += 1
            return count
        }

        nonisolated func addLater(_ done: CheckedContinuation<Int, Never>) {
            executor.enqueue { done.resume(returning: self.assumeIsolated { $0.add() }) }
        }
    }

    @Test func anActorRunsOnItAlone() async {
        let confined = Confined()
        let counts = await withTaskGroup { group in
            for number in 0..<500 {
                group.addTask {
                    if number % 2 == 0 { return await confined.add() }
                    return await withCheckedContinuation { confined.addLater($0) }
                }
            }
            return await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(counts == Set(1...500))
    }
}
