package dev.starling.scheduler.lease;

import dev.starling.scheduler.model.Slot;

/** What a holder and the stewards of its slot say to each other. All may be lost, late, doubled and out of order. */
public sealed interface LeaseMessage {
    Slot slot();

    /**
     * Vote for me in {@code term}, or do so again.
     *
     * @param round    numbers the asker's tries, so that it knows when it had asked what is answered
     * @param handover the asker holds the votes of the epoch before this one, which decided on these stewards
     */
    record Ask(Slot slot, long round, Stewards stewards, long term, boolean handover) implements LeaseMessage {}

    /** You have my vote. {@code accepted}: a proposal for the next epoch that you would have to complete; null for none. */
    record Granted(Slot slot, long round, int epoch, long term, Proposal accepted) implements LeaseMessage {}

    /** Not now. {@code stewards} and {@code term}: the newest I know. */
    record Refused(Slot slot, long round, Stewards stewards, long term) implements LeaseMessage {}

    /** These shall be the next stewards; {@code term} has your vote. */
    record Propose(Slot slot, int epoch, long term, Stewards next) implements LeaseMessage {}

    record Accepted(Slot slot, int epoch, long term) implements LeaseMessage {}

    /** My container has ended and I want the slot no more. */
    record Release(Slot slot, int epoch, long term) implements LeaseMessage {}
}
