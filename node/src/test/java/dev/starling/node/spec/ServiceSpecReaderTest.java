package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.scheduler.model.Platform;
import dev.starling.scheduler.model.Resources;
import dev.starling.scheduler.model.RestartPolicy;
import dev.starling.scheduler.model.ServiceSpec;
import dev.starling.scheduler.model.UpdatePolicy;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ServiceSpecReaderTest {
    private static ServiceSpec read(String spec) {
        return ServiceSpecReader.fromBody(Specs.withSpec(Kind.SERVICE, "svc", Specs.json(spec)));
    }

    @Test
    void theWholeSpec() {
        ServiceSpec spec = read("""
                {"Name": "web", "Mode": {"Replicated": {"Replicas": 4}},
                 "TaskTemplate": {"ContainerSpec": {"Image": "busybox:2"},
                  "Resources": {"Reservations": {"NanoCPUs": 500000000, "MemoryBytes": 16777216}},
                  "RestartPolicy": {"Condition": "on-failure", "Delay": 1000000000, "MaxAttempts": 3, "Window": 60000000000},
                  "Placement": {"Constraints": ["node.role==worker"], "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
                   "MaxReplicas": 2, "Platforms": [{"Architecture": "arm64", "OS": "linux"}]},
                  "Networks": [{"Target": "n1"}, {"Target": "n2"}]},
                 "UpdateConfig": {"Parallelism": 2, "Delay": 1000000000, "FailureAction": "rollback", "Monitor": 2000000000,
                  "MaxFailureRatio": 0.25, "Order": "start-first"},
                 "EndpointSpec": {"Ports": [{"PublishMode": "host", "PublishedPort": 80, "TargetPort": 8080, "Protocol": "udp"}]}}
                """);
        assertEquals("web", spec.name());
        assertEquals("busybox:2", spec.image());
        assertEquals(new ServiceSpec.Mode.Replicated(4), spec.mode());
        assertEquals(new Resources(500_000_000, 16 << 20), spec.reservations());
        assertEquals(List.of("node.role==worker"), spec.constraints());
        assertEquals(List.of("node.labels.zone"), spec.spreadPreferences());
        assertEquals(List.of(new Platform("linux", "arm64")), spec.platforms());
        assertEquals(2, spec.maxReplicasPerNode());
        assertEquals(new RestartPolicy(RestartPolicy.Condition.ON_FAILURE, 1000, 3, 60_000), spec.restart());
        assertEquals(new UpdatePolicy(2, 1000, UpdatePolicy.FailureAction.PAUSE /* there is nothing to go back to */, 2000, 0.25, UpdatePolicy.Order.START_FIRST), spec.update());
        assertEquals(List.of("n1", "n2", IngressNetwork.UID), spec.networks());
        assertEquals(List.of("udp/80"), spec.hostPorts());
    }

    @Test
    void defaultsAreDockers() {
        ServiceSpec spec = read(Specs.CLI_CREATE);
        assertEquals(RestartPolicy.DEFAULT, spec.restart());
        assertEquals(UpdatePolicy.DEFAULT, spec.update());
        assertEquals(new ServiceSpec.Mode.Replicated(1), spec.mode());
        assertEquals(new ServiceSpec.Mode.Replicated(0), read("{\"Mode\": {\"Quantum\": {}}}").mode(), "an unknown mode runs nothing");
        assertEquals(new ServiceSpec.Mode.Global(), read("{\"Mode\": {\"Global\": {}}}").mode());
    }

    /** Places for two thousand million slots would end every node that reads it. */
    @Test
    void moreSlotsThanAnApiOfThisReleaseTakesAreNotMade() {
        assertEquals(new ServiceSpec.Mode.Replicated(100_000), read("{\"Mode\": {\"Replicated\": {\"Replicas\": 2000000000}}}").mode());
        assertEquals(new ServiceSpec.Mode.ReplicatedJob(100_000, 1, 1),
                read("{\"Mode\": {\"ReplicatedJob\": {\"TotalCompletions\": 2000000000, \"MaxConcurrent\": 1}}}").mode());
    }

    @Test
    void jobsGenericResourcesAndBindSourcesAreRead() {
        ServiceSpec spec = read("""
                {"Mode": {"ReplicatedJob": {"TotalCompletions": 5, "MaxConcurrent": 2}}, "TaskTemplate": {
                 "ContainerSpec": {"Mounts": [{"Type": "bind", "Source": "/data", "Target": "/d"}, {"Type": "bind", "Source": "/x/{{.Task.Slot}}",
                  "Target": "/x"}, {"Type": "volume", "Source": "v", "Target": "/v"}]},
                 "Resources": {"Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}, {"Other": {}}]}}}}
                """);
        assertEquals(new ServiceSpec.Mode.ReplicatedJob(5, 2, 1), spec.mode());
        assertEquals(2, spec.reservations().generic().count("gpu"));
        assertEquals(List.of("/data"), spec.bindSources());
        ObjectNode body = Specs.json("{\"JobStatus\": {\"JobIteration\": {\"Index\": 4}}, \"Spec\": {\"Mode\": {\"GlobalJob\": {}}}}");
        assertEquals(new ServiceSpec.Mode.GlobalJob(4), ServiceSpecReader.fromBody(Specs.document(Kind.SERVICE, "svc", body)).mode());
    }

    @Test
    void aRollbackFollowsItsOwnConfig() {
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("RolledBack", true);
        body.set("Spec", Specs.json("{\"UpdateConfig\": {\"Parallelism\": 1}, \"RollbackConfig\": {\"Parallelism\": 7}}"));
        assertEquals(7, ServiceSpecReader.fromBody(Specs.document(Kind.SERVICE, "svc", body)).update().parallelism());
    }

    @Test
    void theHashIgnoresWhatClientsWriteAsTheyPlease() {
        String hash = TaskTemplate.of(Specs.json(Specs.CLI_CREATE)).hash();
        ObjectNode readBack = Specs.json(Specs.CLI_CREATE);
        ObjectNode template = readBack.withObjectProperty("TaskTemplate").put("Runtime", "container");
        template.remove(List.of("Placement", "Resources", "ForceUpdate"));
        template.withObjectProperty("ContainerSpec").put("Isolation", "default").remove("DNSConfig");
        template.withObjectProperty("Placement").withArrayProperty("Platforms").addObject().put("OS", "linux");
        assertEquals(hash, TaskTemplate.of(readBack).hash());
        ObjectNode scaled = Specs.json(Specs.CLI_CREATE);
        scaled.withObjectProperty("Mode").withObjectProperty("Replicated").put("Replicas", 9);
        scaled.withObjectProperty("UpdateConfig").put("Parallelism", 9);
        assertEquals(hash, TaskTemplate.of(scaled).hash(), "scaling makes no task out of date");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{\"ForceUpdate\": 1}", "{\"ContainerSpec\": {\"Image\": \"busybox:2\"}}", "{\"ContainerSpec\": {\"Env\": [\"A=1\"]}}",
        "{\"ContainerSpec\": {\"Args\": [\"9\", \"sleep\"]}}", "{\"Networks\": [{\"Target\": \"n\"}]}",
        "{\"Resources\": {\"Limits\": {\"MemoryBytes\": 9999999}}}", "{\"RestartPolicy\": {\"Delay\": 0}}",
        "{\"Placement\": {\"Constraints\": [\"node.role==worker\"]}}", "{\"Novelty\": true}"})
    void theHashTellsChanges(String change) {
        ObjectNode changed = Specs.json(Specs.CLI_CREATE);
        merge(changed.withObjectProperty("TaskTemplate"), Specs.json(change));
        assertNotEquals(TaskTemplate.of(Specs.json(Specs.CLI_CREATE)).hash(), TaskTemplate.of(changed).hash());
    }

    private static void merge(ObjectNode into, JsonNode change) {
        change.properties().forEach(field -> {
            if (field.getValue().isObject()) {
                merge(into.withObjectProperty(field.getKey()), field.getValue());
            } else {
                into.set(field.getKey(), field.getValue());
            }
        });
    }

    /** Whatever a newer release has stored, reading does not fail: fields of the known names hold values of any type. */
    @Property(tries = 500)
    void readingNeverThrows(@ForAll long seed) {
        Random random = new Random(seed);
        ObjectNode spec = (ObjectNode) scrambled(Specs.json("""
                {"Name": 1, "Mode": {"Replicated": {"Replicas": 1}, "Global": {}}, "TaskTemplate": {"ContainerSpec": {"Image": "x"},
                 "Resources": {"Reservations": {"NanoCPUs": 1, "MemoryBytes": 1}}, "RestartPolicy": {"Condition": "", "Delay": 1,
                 "MaxAttempts": 1, "Window": 1}, "Placement": {"Constraints": [""], "Preferences": [{"Spread": {"SpreadDescriptor": "a"}}],
                 "MaxReplicas": 1, "Platforms": [{"OS": "a", "Architecture": "b"}]}, "Networks": [{"Target": "x"}], "ForceUpdate": 1},
                 "UpdateConfig": {"Parallelism": 1, "Delay": 1, "FailureAction": "", "Monitor": 1, "MaxFailureRatio": 1, "Order": ""},
                 "EndpointSpec": {"Ports": [{"PublishMode": "host", "PublishedPort": 1}]},
                 "IPAM": {"Config": [{"Subnet": "10.0.0.0/8", "Gateway": "x"}]}, "Driver": "overlay", "VxlanId": 7, "Options": {},
                 "Availability": "drain", "Role": "worker", "Labels": {"a": "b"}}
                """), random);
        assertNotNull(ServiceSpecReader.fromBody(Specs.withSpec(Kind.SERVICE, "svc", spec)));
        assertNotNull(NetworkSpecReader.fromBody(Specs.withSpec(Kind.NETWORK, "net", spec)));
        assertNotNull(NodeSpecReader.fromBody(Specs.withSpec(Kind.NODE, "node", spec)));
    }

    private static JsonNode scrambled(JsonNode json, Random random) {
        if (json.isObject()) {
            ObjectNode result = JsonNodeFactory.instance.objectNode();
            json.properties().forEach(field -> result.set(field.getKey(),
                    random.nextInt(6) == 0 ? anything(random) : scrambled(field.getValue(), random)));
            return result;
        }
        return random.nextInt(4) == 0 ? anything(random) : json;
    }

    private static JsonNode anything(Random random) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        return switch (random.nextInt(9)) {
            case 0 -> json.nullNode();
            case 1 -> json.textNode("text");
            case 2 -> json.numberNode(random.nextLong());
            case 3 -> json.numberNode(random.nextDouble() * 1e300);
            case 4 -> json.booleanNode(true);
            case 5 -> json.arrayNode().add("a").add(1).addNull();
            case 6 -> json.objectNode().put("a", "b");
            case 7 -> json.numberNode(new java.math.BigInteger("9".repeat(40)));
            default -> json.textNode("300.1.2.3/99");
        };
    }

    /** Which ports a task has numbers for is part of what it was made from; a port with a number may lead elsewhere under the same task. */
    @Test
    void portsWithoutNumbersAreApart() {
        String template = "{\"EndpointSpec\": {\"Ports\": [%s]}, \"TaskTemplate\": {}, \"Mode\": {\"Replicated\": {}}}";
        String open = "{\"PublishMode\": \"host\", \"TargetPort\": %d, \"Protocol\": \"%s\"}";
        ServiceSpec spec = read(template.formatted(open.formatted(80, "udp") + ", {\"PublishMode\": \"host\", \"PublishedPort\": 1, \"TargetPort\": 2}, {\"TargetPort\": 3}, "
                + open.formatted(80, "tcp") + ", " + open.formatted(80, "tcp")));
        assertEquals(List.of("tcp/80", "tcp/80", "udp/80"), spec.openPorts());
        assertEquals(List.of("tcp/1"), spec.hostPorts());
        String one = read(template.formatted(open.formatted(80, "tcp"))).templateHash();
        assertEquals(one, read(template.formatted("{\"PublishMode\": \"host\", \"TargetPort\": 80, \"PublishedPort\": 0}")).templateHash());
        assertNotEquals(one, read(template.formatted(open.formatted(81, "tcp"))).templateHash());
        assertNotEquals(one, read(template.formatted(open.formatted(80, "tcp") + "," + open.formatted(80, "tcp"))).templateHash());
    }
}
