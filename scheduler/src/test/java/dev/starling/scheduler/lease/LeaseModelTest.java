package dev.starling.scheduler.lease;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.NodeId;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/**
 * The protocol of exclusive slots has no bad state within the bounds of the model; each broken variant of it has one.
 *
 * <p>{@code -Dlease.horizon=6} looks further ahead than the default of 4 ticks, and takes minutes.
 */
class LeaseModelTest {
    private static final long HORIZON = Long.getLong("lease.horizon", 4);

    private static LeaseModel sound(long horizon, LeaseModel.Budget budget) {
        return new LeaseModel(horizon, 2, budget);
    }

    @Test
    void noLostMessageLetsTwoRun() {
        assertSound(sound(HORIZON, new LeaseModel.Budget(0, 0, 0)));
    }

    @Test
    void noLateMessageLetsTwoRun() {
        LeaseModel model = sound(HORIZON - 1, new LeaseModel.Budget(0, 0, 1)); // too many states further ahead
        assertEquals(Optional.empty(), model.search());
        assertTrue(model.handovers() > 0, "the stewards were changed in no run");
    }

    @Test
    void noRestartOfAStewardLetsTwoRun() {
        assertSound(sound(HORIZON, new LeaseModel.Budget(1, 0, 0)));
    }

    @Test
    void noReleaseLetsTwoRun() {
        assertSound(sound(HORIZON, new LeaseModel.Budget(0, 1, 0)));
    }

    private static void assertSound(LeaseModel model) {
        long began = System.nanoTime();
        assertEquals(Optional.empty(), model.search());
        System.out.printf("lease model: %d states, %d handovers, %d successions, %d ms%n", model.visited(), model.handovers(), model.successions(),
                (System.nanoTime() - began) / 1_000_000);
        assertTrue(model.handovers() > 0, "the stewards were changed in no run");
        assertTrue(model.successions() > 0, "the second node ran the slot in no run");
    }

    private static void assertBroken(LeaseModel model) {
        assertTrue(model.search().isPresent(), () -> "nothing noticed in " + model.visited() + " states");
    }

    @Test
    void aHolderThatStopsLate() {
        assertBroken(new LeaseModel(4, 2, new LeaseModel.Budget(0, 0, 0)) {
            @Override
            boolean runs(Tenancy tenancy, long now) {
                return tenancy.heldUntil() > 0 && tenancy.heldUntil() + 2 > now;
            }
        });
    }

    @Test
    void aStewardThatDoesNotWaitAfterItsStart() {
        assertBroken(new LeaseModel(4, 2, new LeaseModel.Budget(2, 0, 0)) {
            @Override
            Vote restarted(Vote before, long now) {
                return new Vote(before.promise(), now, now);
            }
        });
    }

    @Test
    void aPromiseThatIsNotOnDisk() {
        assertBroken(new LeaseModel(4, 2, new LeaseModel.Budget(1, 0, 0)) {
            @Override
            Vote restarted(Vote before, long now) {
                return Vote.restored(null, now, CONFIG);
            }
        });
    }

    @Test
    void stewardsByTheNodesThatEachSideKnows() {
        assertBroken(new LeaseModel(3, 2, new LeaseModel.Budget(0, 0, 0)) {
            @Override
            Stewards firstKnownTo(NodeId node) {
                return node.equals(N4) ? stewards(0, N3, N4) : stewards(0, N1, N2);
            }
        });
    }

    @Test
    void aChangeOfStewardsThatNobodyDecided() {
        assertBroken(new LeaseModel(5, 2, new LeaseModel.Budget(0, 0, 0)) {
            @Override
            Stewards firstKnownTo(NodeId node) {
                return node.equals(N4) ? NEW : OLD;
            }
        });
    }

    @Test
    void aStewardThatVotesTwiceInALease() {
        assertBroken(new LeaseModel(3, 2, new LeaseModel.Budget(0, 0, 0)) {
            @Override
            Vote.Answer heard(Vote.Answer answer) {
                return new Vote.Answer(new Vote(answer.after().promise(), 0, answer.after().quarantineUntil()), answer.reply());
            }
        });
    }

    @Test
    void aStewardThatKeepsAnAcceptedProposalToItself() {
        assertBroken(new LeaseModel(5, 2, new LeaseModel.Budget(0, 0, 0)) {
            @Override
            Vote.Answer heard(Vote.Answer answer) {
                return answer.reply() instanceof LeaseMessage.Granted g
                        ? new Vote.Answer(answer.after(), new LeaseMessage.Granted(g.slot(), g.round(), g.epoch(), g.term(), null)) : answer;
            }
        });
    }

    @Test
    void newStewardsThatDoNotWaitForTheOldEpochToEnd() {
        assertBroken(new LeaseModel(5, 2, new LeaseModel.Budget(0, 0, 0)) {
            @Override
            LeaseMessage asked(LeaseMessage message) {
                return message instanceof LeaseMessage.Ask a ? new LeaseMessage.Ask(a.slot(), a.round(), a.stewards(), a.term(), true) : message;
            }
        });
    }
}
