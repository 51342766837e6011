package dev.starling.runtime.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.ProcessSpec;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.image.Image;
import dev.starling.runtime.kernel.Capability;
import dev.starling.runtime.kernel.Signals;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The pure decisions of a start. */
class ProcessPlanTest {
    private static final Image.Config IMAGE = new Image.Config(
            List.of("/entry"), List.of("image-cmd"), List.of("A=image", "B=image"), "/srv", "app", "SIGINT", Map.of(), List.of(), List.of());

    private static ContainerSpec spec(List<String> entrypoint, List<String> args, List<String> env) {
        return ContainerSpec.of("ab".repeat(32), "n", "i").withProcess(ProcessSpec.INHERIT.withEntrypoint(entrypoint).withArgs(args).withEnv(env));
    }

    private static List<String> argv(List<String> entrypoint, List<String> args) {
        return ProcessPlan.of(spec(entrypoint, args, List.of()), IMAGE, -1).argv();
    }

    @Test
    void commandIsComposedAsDockerDoes() {
        assertEquals(List.of("/entry", "image-cmd"), argv(List.of(), List.of()));
        assertEquals(List.of("/entry", "mine"), argv(List.of(), List.of("mine")));
        assertEquals(List.of("/other"), argv(List.of("/other"), List.of()), "an entrypoint drops the image's CMD");
        assertEquals(List.of("/other", "mine"), argv(List.of("/other"), List.of("mine")));
    }

    @Test
    void imageCompletesTheSpec() {
        ProcessPlan plan = ProcessPlan.of(spec(List.of(), List.of(), List.of("B=spec", "A")), IMAGE, -1);
        assertEquals("/srv", plan.workingDirectory());
        assertEquals("app", plan.user());
        assertEquals(2, plan.stopSignal());
        assertTrue(plan.environment().contains("B=spec"));
        assertTrue(plan.environment().stream().noneMatch(entry -> entry.startsWith("A=")), "a name without a value removes");
        assertEquals(Capability.DOCKER_DEFAULT, plan.capabilities());
    }

    @ParameterizedTest
    @CsvSource({"TERM, 15", "SIGTERM, 15", "15, 15", "sigkill, 9", "RTMIN, 34", "SIGRTMIN+3, 37", "RTMAX-1, 63", "SYS, 31"})
    void signalsHaveManyNames(String name, int number) {
        assertEquals(number, Signals.number(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "65", "SIGNONE", "-9", "RTMIN+x"})
    void otherSignalsAreRefused(String name) {
        assertThrows(RuntimeShimException.class, () -> Signals.number(name));
    }

    @Test
    void capabilitiesAddAndDrop() {
        long all = (1L << 41) - 1;
        assertEquals(Capability.DOCKER_DEFAULT, Capability.select(List.of(), List.of(), all));
        assertEquals(all, Capability.select(List.of("ALL"), List.of(), all));
        assertEquals(0, Capability.select(List.of(), List.of("ALL"), all));
        assertEquals(Capability.CHOWN.mask(), Capability.select(List.of("CAP_CHOWN"), List.of("all"), all));
        assertEquals(all & ~Capability.SYS_ADMIN.mask(), Capability.select(List.of("ALL"), List.of("SYS_ADMIN"), all));
        assertThrows(RuntimeShimException.class, () -> Capability.select(List.of("SYS_TIME"), List.of(), all & ~Capability.SYS_TIME.mask()));
    }

    @Property(tries = 300)
    void accountFilesOfAnImageCannotBreakTheLookup(@ForAll @StringLength(max = 200) String passwd, @ForAll @StringLength(max = 200) String group) {
        Identity identity = Identity.resolve("1000", List.of("7"), passwd, group);
        assertEquals(1000, identity.uid());
        assertTrue(identity.gid() >= 0);
        assertTrue(identity.groups().contains(7) || !group.isEmpty());
    }

    @Test
    void malformedLinesArePassedOver() {
        String passwd = "::::::\napp:x:notanumber:1:::\napp:x:99999999999:1:::\nshort:x:1\napp:x:7:8:App:/home/app:/bin/sh\n";
        assertEquals(new Identity(7, 8, List.of(5), "/home/app"), Identity.resolve("app", List.of(), passwd, "bad\nstaff:x:5:other,app\n"));
    }
}
