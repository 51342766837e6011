package dev.starling.node;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What docs/ARCHITECTURE.md says about who may know whom, held against the compiled classes: arrows between modules never run back, the
 * pure core touches no world, each foreign library stays at the edge that it was chosen for.
 */
class ArchitectureTest {
    private static final String[] PURE_CORE = {
        "dev.starling.gossip", "dev.starling.gossip.member..", "dev.starling.gossip.desired..", "dev.starling.gossip.record..",
        "dev.starling.gossip.message..", "dev.starling.gossip.codec..", "dev.starling.scheduler..", "dev.starling.node.core.."
    };

    /** Streams over arrays, and the exceptions that any I/O would throw: no world behind them. */
    private static final Set<String> HARMLESS_IO = Set.of("java.io.ByteArrayOutputStream", "java.io.DataOutputStream", "java.io.OutputStream",
            "java.io.IOException", "java.io.UncheckedIOException", "java.io.Serializable");

    /** Calls that read a clock, a seed or this process's surroundings, or whose result has an order that differs from run to run. */
    private static final Set<String> IMPURE_CALLS = Set.of("java.lang.System.currentTimeMillis", "java.lang.System.nanoTime",
            "java.lang.System.identityHashCode", "java.lang.System.getenv", "java.lang.System.getProperty", "java.lang.Math.random",
            "java.time.Instant.now", "java.time.LocalDateTime.now", "java.time.ZonedDateTime.now", "java.util.UUID.randomUUID",
            "java.util.random.RandomGenerator.getDefault", "java.util.stream.Collectors.toSet", "java.util.stream.Collectors.toUnmodifiableSet",
            "java.util.stream.Collectors.toMap", "java.util.stream.Collectors.toUnmodifiableMap", "java.util.stream.Collectors.groupingBy",
            "java.util.Map.of", "java.util.Map.copyOf", "java.util.Map.ofEntries", "java.util.Set.of", "java.util.Set.copyOf");

    /** What gossip's tests lend to those of other modules is a jar where all is packaged, and test-classes where it is only tested. */
    private static final ImportOption NO_TEST_JARS = location -> !location.contains("-tests.jar");

    private static final JavaClasses ALL = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).withImportOption(NO_TEST_JARS)
            .importPackages("dev.starling");

    /** An empty import would let every rule pass. */
    @ParameterizedTest
    @CsvSource({"dev.starling.gossip.Gossip", "dev.starling.scheduler.Scheduler", "dev.starling.runtime.ContainerRuntime",
        "dev.starling.netlink.overlay.Overlay", "dev.starling.node.core.NodeCore", "dev.starling.node.agent.Agent"})
    void everyModuleIsLookedAt(String type) {
        ALL.get(type);
    }

    @ParameterizedTest
    @CsvSource({
        "dev.starling.gossip..,    scheduler node runtime netlink chaos",
        "dev.starling.scheduler.., node runtime netlink chaos",
        "dev.starling.runtime..,   gossip scheduler node netlink chaos",
        "dev.starling.netlink..,   gossip scheduler node runtime chaos",
        "dev.starling.node..,      chaos",
    })
    void arrowsBetweenModulesNeverRunBack(String module, String forbidden) {
        String[] packages = forbidden.lines().flatMap(line -> Set.of(line.split(" ")).stream()).map(name -> "dev.starling." + name + "..")
                .toArray(String[]::new);
        noClasses().that().resideInAPackage(module).should().dependOnClassesThat().resideInAnyPackage(packages).check(ALL);
    }

    @Test
    void theSchedulerKnowsOfGossipOnlyItsValues() {
        noClasses().that().resideInAPackage("dev.starling.scheduler..").should().dependOnClassesThat()
                .resideInAnyPackage("dev.starling.gossip.atomix..", "dev.starling.gossip.store..", "dev.starling.gossip.transport..",
                        "dev.starling.gossip.trust..", "dev.starling.gossip.codec..", "dev.starling.gossip.message..")
                .check(ALL);
    }

    @Test
    void thePureCoreTouchesNoWorld() {
        coreMayNotKnow(type(Thread.class).or(type(ThreadLocal.class)).or(type(Runtime.class)).or(type(Process.class))
                .or(type(java.util.Timer.class)).or(type(java.security.SecureRandom.class)).or(type(java.util.Random.class))
                .or(resideInAnyPackage("java.net..", "java.nio.file..", "java.nio.channels..", "java.sql..", "java.util.concurrent..",
                        "javax..", "org.slf4j.."))
                .as("threads, sockets, files, databases, loggers or unseeded randomness"));
    }

    @Test
    void thePureCoreReadsAndWritesOnlyMemory() {
        coreMayNotKnow(DescribedPredicate.describe("streams to the outside",
                type -> type.getPackageName().equals("java.io") && !HARMLESS_IO.contains(type.getName())));
    }

    @Test
    void thePureCoreAsksNoClockAndNoDice() {
        pureCallsOnly().check(ALL);
    }

    private static ArchRule pureCallsOnly() {
        return noClasses().that().resideInAnyPackage(PURE_CORE).should().accessTargetWhere(
                DescribedPredicate.describe("a clock, unseeded randomness, the environment, or a collection without a stable order is used",
                        (JavaAccess<?> access) -> IMPURE_CALLS.contains(access.getTargetOwner().getName() + "." + access.getName())));
    }

    /** Its order differs with capacity and history: two nodes with equal state would not do equal things. */
    @Test
    void thePureCoreHasNoHashOrder() {
        noClasses().that().resideInAnyPackage(PURE_CORE)
                .and().doNotHaveFullyQualifiedName("dev.starling.gossip.AntiEntropy") // a set that is only asked, never walked
                .should().dependOnClassesThat(type(java.util.HashMap.class).or(type(java.util.HashSet.class))
                        .or(type(java.util.IdentityHashMap.class)).or(type(java.util.WeakHashMap.class)))
                .check(ALL);
    }

    private static void coreMayNotKnow(DescribedPredicate<JavaClass> forbidden) {
        noClasses().that().resideInAnyPackage(PURE_CORE).should().dependOnClassesThat(forbidden).check(ALL);
    }

    @Test
    void thePureCoreDoesNotKnowItsEdges() {
        noClasses().that().resideInAnyPackage(PURE_CORE).should().dependOnClassesThat().resideInAnyPackage("dev.starling.gossip.atomix..",
                "dev.starling.gossip.store..", "dev.starling.gossip.transport..", "dev.starling.gossip.trust..").check(ALL);
        noClasses().that().resideInAPackage("dev.starling.node.core..").should().dependOnClassesThat(
                DescribedPredicate.describe("other packages of node", type -> type.getPackageName().startsWith("dev.starling.node")
                        && !type.getPackageName().equals("dev.starling.node.core"))).check(ALL);
    }

    /** Library, and the packages that may know it. */
    @ParameterizedTest
    @CsvSource({
        "io.vertx..,                   dev.starling.node.api.. dev.starling.node.agent.. dev.starling.node.join..",
        "io.micrometer..,              dev.starling.node.api.. dev.starling.node.agent..",
        "io.prometheus..,              dev.starling.node.agent..",
        "picocli..,                    dev.starling.node dev.starling.node.cli..",
        "ch.qos.logback..,             dev.starling.node.cli..",
        "org.yaml..,                   dev.starling.node.config..",
        "com.fasterxml.jackson..,      dev.starling.node.. dev.starling.runtime..",
        "io.atomix..,                  dev.starling.gossip.atomix..",
        "io.netty..,                   dev.starling.gossip.transport.. dev.starling.node.dns.. dev.starling.node.api..",
        "org.bouncycastle..,           dev.starling.gossip.trust..",
        "org.sqlite..,                 dev.starling.gossip.store..",
        "java.sql..,                   dev.starling.gossip.store..",
        "com.esotericsoftware.kryo.., dev.starling.gossip.codec.. dev.starling.node.core.. dev.starling.node.task..",
        "jnr..,                        dev.starling.runtime.. dev.starling.netlink..",
        "com.kenai..,                  dev.starling.runtime.. dev.starling.netlink..",
        "org.apache.commons.compress.., dev.starling.runtime.image..",
        "com.github.luben..,           dev.starling.runtime.image..",
    })
    void librariesStayAtTheirEdges(String library, String allowed) {
        noClasses().that().resideOutsideOfPackages(allowed.split(" ")).should().dependOnClassesThat().resideInAPackage(library).check(ALL);
    }

    /** Where images come from is known to the registry's side alone: the store works with what it is given. */
    @Test
    void registriesKnowImagesAndNotTheOtherWayRound() {
        noClasses().that().resideInAPackage("dev.starling.runtime.image..").should().dependOnClassesThat()
                .resideInAPackage("dev.starling.runtime.registry..").check(ALL);
        classes().that().haveFullyQualifiedName("dev.starling.runtime.registry.ImagePuller").should().dependOnClassesThat()
                .resideInAPackage("dev.starling.runtime.image..").check(ALL);
    }

    /** The contract, the launchers and what they build on do not know who keeps the contract. */
    @Test
    void nothingOfTheRuntimeKnowsItsSupervision() {
        noClasses().that().resideInAPackage("dev.starling.runtime..").and().resideOutsideOfPackage("dev.starling.runtime.supervision..")
                .should().dependOnClassesThat().resideInAPackage("dev.starling.runtime.supervision..").check(ALL);
    }

    @Test
    void thePackagesOfNodeFormNoCycle() {
        slices().matching("dev.starling.node.(*)..").should().beFreeOfCycles().check(ALL);
    }

    @Test
    void thePackagesOfTheSchedulerFormNoCycle() {
        slices().matching("dev.starling.scheduler.(*)..").should().beFreeOfCycles().check(ALL);
    }

    @Test
    void theAgentIsTheTop() {
        classes().that().resideInAPackage("dev.starling.node.agent..").should().onlyHaveDependentClassesThat()
                .resideInAnyPackage("dev.starling.node.agent..", "dev.starling.node.cli..").check(ALL);
        noClasses().that().resideInAPackage("dev.starling.node.spec..").should().dependOnClassesThat()
                .resideInAnyPackage("dev.starling.node.api..", "dev.starling.node.agent..").check(ALL);
    }

    /** A rule that cannot fail is none: this very class reads a clock. */
    @Test
    void theRuleOnClocksCanFail() {
        JavaClasses impure = new ClassFileImporter().importClasses(ArchitectureTest.class);
        ArchRule rule = noClasses().should().accessTargetWhere(DescribedPredicate.describe("a clock is read",
                (JavaAccess<?> access) -> IMPURE_CALLS.contains(access.getTargetOwner().getName() + "." + access.getName())));
        assertThrows(AssertionError.class, () -> rule.check(impure), "read at " + System.nanoTime());
    }
}
