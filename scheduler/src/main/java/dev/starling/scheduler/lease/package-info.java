/**
 * At most one running task per slot, at any time: the service label {@code starling.partition=exclusive}.
 *
 * <p>Each slot has stewards, at most five nodes. Who wants to run the slot asks them all for their vote; a majority makes it the holder, for a
 * while, and it asks again every two seconds. A steward that has voted votes for nobody else for {@link LeaseConfig#leaseMillis}; the holder
 * counts only {@link LeaseConfig#holdMillis} from when it asked, and by then its container is being stopped. Both measure durations on
 * their own monotonic clock, so no two clocks need agree, only run about equally fast.
 *
 * <pre>
 *   holder    ask ---------------------- hold ends: stop ---- killed at the latest
 *   steward        vote ------------------------------------------------- lease ends: may vote for another
 *                  |<------------------- leaseMillis ------------------->|
 * </pre>
 *
 * <p>A vote is a promise: a term (a number that only grows, and is the fencing token of the container) and its holder. It is on the
 * steward's disk before it is sent. When a vote was given is not: a steward that starts votes for nobody new until a whole lease has passed.
 *
 * <p><b>Change of stewards.</b> The stewards of a slot are epoch 0 by the nodes that were enrolled when the service was made; two sides of a
 * partition may enrol others, so "the nodes that are enrolled now" would be two answers. The next epoch's stewards are decided by those of
 * the present one, as Paxos decides a value: the term is the ballot, the vote for a lease is the promise (and tells of a proposal that was
 * accepted before), and a majority that accepts a proposal decides it. A holder that finds such a proposal completes it before it runs anything.
 * Then it asks the new stewards, by "handover"; whoever comes without waits for a lease, in which the old epoch's last holder has ended.
 *
 * <p>{@link dev.starling.scheduler.lease.Vote} and {@link dev.starling.scheduler.lease.Tenancy} are immutable, so that a test can visit every
 * state they can reach ({@code LeaseModelTest}); {@link dev.starling.scheduler.lease.Leases} keeps them for all slots of a node.
 */
package dev.starling.scheduler.lease;
