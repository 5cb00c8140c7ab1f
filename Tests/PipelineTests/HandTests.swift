import Events
import Testing

@testable import Pipeline

@Suite struct HandTests {
    /// More names than it has slots at first, taken and dropped in no order, against a dictionary.
    @Test func aNameIsInHandFromTakeToDrop() {
        var hand = Hand()
        var known: [String: Item] = [:]
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            let name = "m\(Int.random(in: 0..<600, using: &random))"
            if let item = known[name], Bool.random(using: &random) {
                let drops = [hand.drop(item), hand.drop(item)]
                #expect(drops == [true, false])
                known[name] = nil
            } else {
                let (item, isNew) = hand.take(Bench.envelope(name), isTimer: false, at: Bench.start)
                #expect(isNew == (known[name] == nil))
                #expect(known[name] == nil || known[name] === item)
                known[name] = item
            }
            #expect(hand.count == known.count)
        }
        #expect(hand.inOrder.map(\.id) == known.values.map(\.id).sorted())
        #expect(known.values.allSatisfy { hand[$0.id] === $0 && hand.has($0) })
    }

    @Test func anItemThatWasDroppedIsNotFoundAtItsPlace() {
        var hand = Hand()
        let (first, _) = hand.take(Bench.envelope("a"), isTimer: false, at: Bench.start)
        _ = hand.drop(first)
        let (second, _) = hand.take(Bench.envelope("b"), isTimer: false, at: Bench.start)
        #expect(first.id.place == second.id.place)
        #expect(hand[first.id] == nil)
        #expect(!hand.has(first))
        #expect(hand.all([first.id, second.id]).map(\.id) == [second.id])
    }
}
