package dev.starling.chaos.mutant;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.starling.chaos.mutant.Mutant.Does;
import dev.starling.chaos.sim.RandomRun;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random runs that find nothing say little unless they would have found something: each of these rules is broken, and random runs have to notice.
 *
 * <p>{@code -Dmutants.first=1 -Dmutants.within=100} takes all of them, and counts from the first seed on how many runs it takes; {@code -Dmutants.only=TEXT}
 * those whose name has TEXT in it. Rules that random runs seldom depend on have a {@link RuleScene} each; {@code -Dscenes.seeds=N} for more of these, unbroken.
 */
class RuleMutantsTest {
    private static final Long FIRST = Long.getLong("mutants.first");
    private static final int WITHIN = Integer.getInteger("mutants.within", 40);
    private static final String ONLY = System.getProperty("mutants.only", "");
    private static final int MOST_NODES = 6;
    private static final long SCENE_SEED = 1;
    private static final long SCENE_SEEDS = Long.getLong("scenes.seeds", 3);

    /** In ./check. */
    private static final List<Mutant> NOTICED_SOON = List.of(
            new Mutant("scheduler.lease.Tenancy", "holds", Does.TRUE, 2),
            new Mutant("scheduler.BackOff", "ranWell", Does.TRUE, 13),
            new Mutant("scheduler.slot.SlotState", "mayFollow", Does.TRUE, 11),
            new Mutant("scheduler.slot.SlotState", "isUndecided", Does.FALSE, 13),
            new Mutant("scheduler.Renewal", "decide", Does.NOTHING, 4),
            new Mutant("scheduler.Renewal", "startWhenDue", Does.NOTHING, 6),
            new Mutant("scheduler.filter.Demand", "whyNot", Does.EMPTY, 57));

    /** Only where they are asked for: it may take many runs. */
    private static final List<Mutant> OTHERS = List.of(
            new Mutant("scheduler.filter.Constraint", "matches", Does.TRUE, 1),
            new Mutant("scheduler.filter.NodeLoad", "uses", Does.FALSE, 1),
            new Mutant("scheduler.filter.NodeLoad", "tasksOf", Does.FALSE, 1),
            new Mutant("scheduler.Round", "rival", Does.EMPTY, 1),
            new Mutant("scheduler.RefusalUpkeep", "run", Does.NOTHING, 1),
            new Mutant("scheduler.Bidding", "retry", Does.NOTHING, 1),
            new Mutant("scheduler.History", "run", Does.NOTHING, 1),
            new Mutant("scheduler.TaskMint", "observe", Does.NOTHING, 1),
            new Mutant("scheduler.model.ServiceSpec", "isCurrent", Does.TRUE, 1),
            new Mutant("scheduler.model.GenericResources", "covers", Does.TRUE, 1),
            new Mutant("gossip.member.Member", "nextBoot", Does.FIRST_NUMBER, 1));

    /** Too seldom in random runs: each has a scene that depends on it. */
    static Stream<Arguments> staged() {
        return Stream.of(
                staged("scheduler.lease.Stewards", "isMajority", Does.TRUE, RuleScene.HOLDER_IS_CUT_OFF),
                staged("scheduler.Fencing", "run", Does.NOTHING, RuleScene.HOLDER_IS_CUT_OFF),
                staged("scheduler.model.View", "isMajority", Does.TRUE, RuleScene.MINORITY_IS_TOLD_TO_SCALE_UP),
                staged("scheduler.rollout.Rollout", "mayChange", Does.TRUE, RuleScene.UPDATE_ONE_BY_ONE),
                staged("scheduler.Retirement", "staysUntilReplaced", Does.FALSE, RuleScene.DRAIN_START_FIRST),
                staged("scheduler.Rebalancing", "run", Does.NOTHING, RuleScene.A_NODE_COMES),
                staged("scheduler.CompletionUpkeep", "run", Does.NOTHING, RuleScene.NODES_THAT_DID_A_JOB_ARE_REMOVED),
                staged("scheduler.Renewal", "fits", Does.TRUE, RuleScene.UPDATE_TO_MORE_THAN_THERE_IS),
                staged("scheduler.filter.Demand", "mayStay", Does.TRUE, RuleScene.A_LABEL_IS_TAKEN_AWAY),
                staged("scheduler.BlockUpkeep", "run", Does.NOTHING, RuleScene.BOTH_SIDES_TAKE_THE_SAME_ADDRESSES),
                staged("scheduler.Renewal", "hasForeignAddress", Does.FALSE, RuleScene.BOTH_SIDES_TAKE_THE_SAME_ADDRESSES));
    }

    private static Arguments staged(String type, String method, Does instead, RuleScene scene) {
        return Arguments.of(new Mutant(type, method, instead, SCENE_SEED), scene);
    }

    static List<Mutant> mutants() {
        return Stream.concat(NOTICED_SOON.stream(), FIRST == null ? Stream.empty() : OTHERS.stream()).toList();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("mutants")
    void isNoticed(Mutant mutant) throws ReflectiveOperationException {
        if (!mutant.toString().contains(ONLY)) {
            return;
        }
        MutantLoader loader = new MutantLoader(mutant);
        LongConsumer broken = (LongConsumer) loader.loadClass(RandomRun.class.getName()).getConstructor(int.class).newInstance(MOST_NODES);
        long first = FIRST == null ? mutant.seed() : FIRST;
        for (long seed = first; seed < first + WITHIN; seed++) {
            try {
                broken.accept(seed);
            } catch (AssertionError noticed) {
                assertTrue(loader.hasReplaced(), () -> "there is no method " + mutant);
                System.out.printf("%s: run %d, seed %s%n", mutant, seed - first + 1, noticed.getMessage().lines().findFirst().orElse("").substring(5));
                return;
            }
        }
        assertTrue(loader.hasReplaced(), () -> "there is no method " + mutant);
        fail(mutant + " was not noticed by seeds " + first + " to " + (first + WITHIN - 1));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("staged")
    void isNoticedInItsScene(Mutant mutant, RuleScene scene) throws ReflectiveOperationException {
        if (!mutant.toString().contains(ONLY)) {
            return;
        }
        MutantLoader loader = new MutantLoader(mutant);
        LongConsumer broken = (LongConsumer) loader.loadClass(RuleScene.class.getName()).getEnumConstants()[scene.ordinal()];
        AssertionError noticed = assertThrows(AssertionError.class, () -> broken.accept(mutant.seed()), () -> mutant + " was not noticed by " + scene);
        assertTrue(loader.hasReplaced(), () -> "there is no method " + mutant);
        System.out.printf("%s: %s%n", mutant, noticed.getMessage().lines().findFirst().orElse(""));
    }

    @ParameterizedTest(name = "{0}")
    @EnumSource
    void unbrokenASceneHolds(RuleScene scene) {
        for (long seed = SCENE_SEED; seed < SCENE_SEED + SCENE_SEEDS; seed++) {
            scene.accept(seed);
        }
    }
}
