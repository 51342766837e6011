package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.core.Document;
import dev.starling.runtime.ContainerSpec;
import dev.starling.runtime.Mount;
import dev.starling.runtime.ResourceLimits;
import dev.starling.runtime.Security;
import dev.starling.scheduler.model.GenericResources;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class ContainerSpecBuilderTest {
    private static final String SPEC = """
            {"Name": "web", "Labels": {"tier": "front"}, "TaskTemplate": {
              "ContainerSpec": {"Image": "busybox:2", "Labels": {"cl": "v"}, "Command": ["sh"], "Args": ["-c", "x"],
                "Env": ["SLOT={{.Task.Slot}}", "N={{.Node.Hostname}}/{{.Node.ID}}", "S={{.Service.Name}} {{index .Service.Labels \\"tier\\"}}",
                        "Z={{index .Node.Labels \\"zone\\"}}", "T={{.Task.Name}}", "P={{.Node.Platform.OS}}", "D=$1\\\\"],
                "Hostname": "h-{{.Task.Slot}}", "Dir": "/w", "User": "1:2", "Groups": ["3"], "StopSignal": "SIGINT",
                "StopGracePeriod": 1500000000, "ReadOnly": true, "OpenStdin": true, "Hosts": ["1.2.3.4 other"],
                "DNSConfig": {"Nameservers": ["9.9.9.9"], "Search": ["example"], "Options": ["ndots:1"]},
                "Mounts": [{"Type": "bind", "Source": "/data/{{.Task.Slot}}", "Target": "/d", "ReadOnly": true},
                           {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 65536, "Mode": 1016}}, {"Type": "volume", "Source": "v", "Target": "/v"},
                           {"Type": "volume", "Source": "o", "Target": "/o", "VolumeOptions": {"NoCopy": true, "Labels": {"l": "{{.Task.Slot}}"},
                            "DriverConfig": {"Name": "local", "Options": {"type": "none", "device": "/srv/{{.Task.Slot}}", "o": "bind"}}}}],
                "CapabilityAdd": ["CAP_NET_ADMIN"], "CapabilityDrop": ["CAP_CHOWN"], "Sysctls": {"net.core.somaxconn": "9"}},
              "Resources": {"Limits": {"NanoCPUs": 500000000, "MemoryBytes": 67108864, "Pids": 9}},
              "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}}}}
            """;

    private static final SortedMap<String, String> NODE_LABELS = new TreeMap<>(Map.of("zone", "a"));

    private static Task task(String hash, SortedMap<String, String> addresses) {
        return new Task("task00000000000000000001", Slot.replica("svc", 3), Specs.SELF, 1, hash, "busybox:2", TaskState.STARTING,
                TaskState.RUNNING, HybridTime.of(1, 0), 1, 0, 0, 1, 1, "", "", -1, "", 0, addresses);
    }

    private static ContainerSpec build(Document service, Task task) {
        return ContainerSpecBuilder.build(service, task, Specs.report("10.77.0.11"), NODE_LABELS, List.of("127.0.0.11"));
    }

    @Test
    void devicesAreInTheEnvironmentAndCannotBePretended() {
        Document service = Specs.withSpec(Kind.SERVICE, "svc", Specs.json(
                "{\"Name\": \"web\", \"TaskTemplate\": {\"ContainerSpec\": {\"Image\": \"busybox\", \"Env\": [\"DOCKER_RESOURCE_GPU=mine\"]}}}"));
        Task task = task(TaskTemplate.of(service.spec()).hash(), new TreeMap<>()).ofJob(0, GenericResources.of(new TreeMap<>(Map.of("camera", 2L)),
                new TreeMap<>(Map.of("gpu", new TreeSet<>(List.of("B", "A"))))));
        assertEquals(List.of("DOCKER_RESOURCE_GPU=mine", "DOCKER_RESOURCE_GPU=A,B", "DOCKER_RESOURCE_CAMERA=2"), build(service, task).process().env());
    }

    @Test
    void aDeviceThatTheTaskGotIsItsToUse() {
        Document service = Specs.withSpec(Kind.SERVICE, "svc", Specs.json("{\"Name\": \"web\", \"TaskTemplate\": {\"ContainerSpec\": {\"Image\": \"busybox\"}}}"));
        Task task = task(TaskTemplate.of(service.spec()).hash(), new TreeMap<>()).ofJob(0, GenericResources.of(new TreeMap<>(),
                new TreeMap<>(Map.of("gpu", new TreeSet<>(List.of("A")), "serial", new TreeSet<>(List.of("/dev/ttyUSB1"))))));
        assertEquals(List.of("DOCKER_RESOURCE_GPU=A", "DOCKER_RESOURCE_SERIAL=/dev/ttyUSB1"), build(service, task).process().env());
        assertEquals(List.of(new Security.Device("/dev/ttyUSB1", "", "")), build(service, task).security().devices());
    }

    @Test
    void everythingArrives() {
        Document service = Specs.withSpec(Kind.SERVICE, "svc", Specs.json(SPEC));
        TaskTemplate template = TaskTemplate.of(service.spec());
        Task task = task(template.hash(), new TreeMap<>(Map.of("net", "10.0.1.18/24")));
        ContainerSpec spec = build(service, task);
        assertEquals("web.3.task00000000000000000001", spec.name());
        assertTrue(spec.id().matches("[0-9a-f]{64}"));
        assertEquals(spec.id(), build(service, task).id(), "trying again makes no second container");
        assertEquals("busybox:2", spec.image());
        assertEquals(List.of("sh"), spec.process().entrypoint());
        assertEquals(List.of("-c", "x"), spec.process().args());
        assertEquals(List.of("SLOT=3", "N=n1/" + Specs.SELF, "S=web front", "Z=a", "T=web.3.task00000000000000000001", "P=linux", "D=$1\\"),
                spec.process().env());
        assertEquals("h-3", spec.names().hostname());
        assertEquals("v", spec.labels().get("cl"));
        assertEquals("svc", spec.labels().get("com.docker.swarm.service.id"));
        assertEquals("web", spec.labels().get("com.docker.swarm.service.name"));
        assertEquals("", spec.labels().get("com.docker.swarm.task"));
        assertEquals(task.id(), spec.labels().get("com.docker.swarm.task.id"));
        assertEquals(List.of(new Mount(Mount.Type.BIND, "/data/3", "/d", true),
                new Mount(Mount.Type.TMPFS, "", "/t", false).withTmpfs(65536, 01770),
                new Mount(Mount.Type.VOLUME, "v", "/v", false),
                new Mount(Mount.Type.VOLUME, "o", "/o", false).withNoCopy(true)
                        .withVolume(Map.of("type", "none", "device", "/srv/3", "o", "bind"), Map.of("l", "3"))), spec.filesystem().mounts());
        assertEquals(List.of("10.0.1.18 h-3", "1.2.3.4 other"), spec.names().hosts());
        assertEquals(new ContainerSpec.Dns(List.of("127.0.0.11", "9.9.9.9"), List.of("example"), List.of("ndots:1")), spec.names().dns());
        assertEquals(new ResourceLimits(500_000_000, 64 << 20, 9), spec.limits());
        assertEquals(Map.of("max-size", "1m"), spec.logging().options());
        assertEquals(List.of("CAP_NET_ADMIN"), spec.security().capabilityAdd());
        assertTrue(spec.filesystem().readOnlyRoot() && spec.streams().openStdin() && !spec.streams().tty());
        assertEquals(Duration.ofMillis(1500), template.stopGrace());
    }

    @Test
    void withoutANetworkOurNameServerIsNotUsed() {
        Document service = Specs.withSpec(Kind.SERVICE, "svc", Specs.json(SPEC));
        assertEquals(List.of("9.9.9.9"), build(service, task(TaskTemplate.of(service.spec()).hash(), new TreeMap<>())).names().dns().servers());
    }

    @Test
    void anOlderTaskIsMadeFromThePreviousTemplate() {
        ObjectNode next = Specs.json(SPEC);
        next.withObjectProperty("TaskTemplate").withObjectProperty("ContainerSpec").put("Image", "busybox:3");
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.set("Spec", next);
        body.set("PreviousSpec", Specs.json(SPEC));
        Document service = Specs.document(Kind.SERVICE, "svc", body);
        assertEquals("busybox:2", build(service, task(TaskTemplate.of(Specs.json(SPEC)).hash(), new TreeMap<>())).image());
        assertEquals("busybox:3", build(service, task(TaskTemplate.of(next).hash(), new TreeMap<>())).image());
        assertThrows(IllegalArgumentException.class, () -> build(service, task("of long ago", new TreeMap<>())));
    }
}
