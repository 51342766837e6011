package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.core.ClusterSnapshot;
import dev.starling.node.core.Document;
import dev.starling.runtime.Security;
import dev.starling.runtime.Security.Device;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ServiceSpecCheckTest {
    private static final Document NETWORK = Specs.withSpec(Kind.NETWORK, "net0000000000000000000001", Specs.json("{\"Name\": \"back\"}"));
    private static final Document PUBLISHER = Specs.withSpec(Kind.SERVICE, "svc0000000000000000000001", Specs.json(
            "{\"Name\": \"shop\", \"EndpointSpec\": {\"Ports\": [{\"Protocol\": \"tcp\", \"TargetPort\": 80, \"PublishedPort\": 8080}]}}"));
    private static final ClusterSnapshot SNAPSHOT = Specs.snapshot(List.of(PUBLISHER), List.of(NETWORK));

    private final ServiceSpecCheck check = new ServiceSpecCheck(ConstraintSyntax.DOCKER, ServiceSpecCheck.Features.ALL);

    /** Sets the field at a path like {@code TaskTemplate.Networks} of the CLI's smallest service. */
    private static ObjectNode with(String path, String value) {
        ObjectNode spec = Specs.json(Specs.CLI_CREATE);
        ObjectNode at = spec;
        String[] parts = path.split("\\.");
        for (int i = 0; i < parts.length - 1; i++) {
            at = at.withObjectProperty(parts[i]);
        }
        at.set(parts[parts.length - 1], Specs.json("{\"v\": " + value + "}").path("v"));
        return spec;
    }

    @Test
    void whatTheCliSendsPassesWithDockersDefault() {
        ObjectNode given = Specs.json(Specs.CLI_CREATE);
        ObjectNode accepted = check.accept(given, SNAPSHOT, "");
        assertEquals(1, accepted.path("Mode").path("Replicated").path("Replicas").asInt());
        assertTrue(given.path("Mode").path("Replicated").isEmpty(), "the client's tree is not changed");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "Name                                              | \"a b\"                          | INVALID | DNS name component",
        "Name                                              | \"-a\"                           | INVALID | DNS name component",
        "Name                                              | 7                                | INVALID | Name: expected a string, got the number 7",
        "TaskTemplate.ContainerSpec.Image                  | \"\"                             | INVALID | image reference must be provided",
        "TaskTemplate.ContainerSpec.Image                  | \"Bad Name\"                     | INVALID | is not a valid repository/tag",
        "TaskTemplate.ContainerSpec.Image                  | [\"a\"]                          | INVALID | Image: expected a string, got a list",
        "TaskTemplate.ContainerSpec                        | null                             | INVALID | missing container spec",
        "TaskTemplate                                      | null                             | INVALID | missing container spec",
        "TaskTemplate.ContainerSpec.Env                    | [\"A={{.Node.Engine}}\"]         | NOT_SUPPORTED | Env[0]: the template {{.Node.Engine}}",
        "TaskTemplate.ContainerSpec.Env                    | [\"A={{.Node\"]                  | INVALID | does not end",
        "TaskTemplate.ContainerSpec.Env                    | [\"A=1\", 2]                     | INVALID | Env: expected a list of strings",
        "TaskTemplate.ContainerSpec.Hostname               | \"a b\"                          | INVALID | invalid hostname",
        "TaskTemplate.ContainerSpec.Privileges.Seccomp       | {\"Mode\": \"custom\"}  | INVALID | Privileges.Seccomp: the mode \"custom\" needs a profile",
        "TaskTemplate.ContainerSpec.Privileges.Seccomp       | {\"Mode\": \"custom\", \"Profile\": \"?\"}  | INVALID | Privileges.Seccomp.Profile is not base64",
        "TaskTemplate.ContainerSpec.Privileges.Seccomp       | {\"Profile\": \"e30=\"}   | INVALID | a profile needs the mode",
        "TaskTemplate.ContainerSpec.Privileges.SELinuxContext | {\"Type\": \"x\"}       | NOT_SUPPORTED | Privileges.SELinuxContext",
        "TaskTemplate.ContainerSpec.TTY                    | \"yes\"                          | INVALID | TaskTemplate.ContainerSpec.TTY",
        "TaskTemplate.ContainerSpec.Healthcheck            | {\"Test\": [\"SHELL\"]}     | INVALID | TaskTemplate.ContainerSpec.Healthcheck: Unknown healthcheck type",
        "TaskTemplate.ContainerSpec.Ulimits                | [{\"Name\": \"nofiles\"}]         | INVALID | invalid ulimit type: nofiles",
        "TaskTemplate.ContainerSpec.Secrets                | [{\"SecretID\": \"x\"}]          | INVALID | malformed secret reference",
        "TaskTemplate.ContainerSpec.Secrets                | [{\"SecretID\": \"x\", \"SecretName\": \"s\"}] | INVALID | malformed file secret reference, invalid target file name provided",
        "TaskTemplate.ContainerSpec.Secrets                | [{\"SecretID\": \"x\", \"SecretName\": \"s\", \"File\": {\"Name\": \"f\"}}] | INVALID | secret not found: s",
        "TaskTemplate.ContainerSpec.Secrets                | [{\"SecretID\": \"x\", \"SecretName\": \"s\", \"File\": {\"Name\": \"a/..\"}}] | INVALID | invalid target file name",
        "TaskTemplate.ContainerSpec.Secrets                | [{\"SecretID\": \"x\", \"SecretName\": \"s\", \"File\": {\"Name\": \"f\", \"UID\": \"bob\"}}] | INVALID | UID \"bob\" is not a number",
        "TaskTemplate.ContainerSpec.Secrets                | [{\"SecretID\": \"x\", \"SecretName\": \"s\", \"File\": {\"Name\": \"f\", \"Mode\": 99999}}] | INVALID | is not made of permission bits",
        "TaskTemplate.ContainerSpec.Configs                | [{\"ConfigID\": \"x\"}]          | INVALID | malformed config reference",
        "TaskTemplate.ContainerSpec.Configs                | [{\"ConfigID\": \"x\", \"ConfigName\": \"c\", \"Runtime\": {\"a\": 1}}] | NOT_SUPPORTED | Configs[0].Runtime",
        "TaskTemplate.ContainerSpec.StopGracePeriod        | -1                               | INVALID | StopGracePeriod: must be 0 or more",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"bind\", \"Source\": \"x\", \"Target\": \"/t\"}] | INVALID | Mounts[0].Source",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"volume\", \"Target\": \"/t\", \"VolumeOptions\": {\"DriverConfig\": {\"Name\": \"nfs\"}}}] | NOT_SUPPORTED | DriverConfig.Name \"nfs\"",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"volume\", \"Source\": \"v\", \"Target\": \"/t\", \"VolumeOptions\": {\"DriverConfig\": {\"Options\": {\"kind\": \"x\"}}}}] | INVALID | DriverConfig.Options: invalid option",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"volume\", \"Source\": \"v\", \"Target\": \"/t\", \"VolumeOptions\": {\"DriverConfig\": {\"Options\": {\"type\": \"tmpfs\"}}}}] | INVALID | missing required option",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"volume\", \"Source\": \"v\", \"Target\": \"/t\", \"VolumeOptions\": {\"DriverConfig\": {\"Options\": {\"type\": \"tmpfs\", \"device\": \"{{.Nope}}\"}}}}] | NOT_SUPPORTED | the template {{.Nope}}",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"volume\", \"Target\": \"/t\", \"VolumeOptions\": {\"DriverConfig\": {\"Options\": {\"type\": \"tmpfs\", \"device\": \"tmpfs\"}}}}] | NOT_SUPPORTED | of a volume without a name",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"bind\", \"Source\": \"/s\", \"Target\": \"/t\", \"BindOptions\": {\"Propagation\": \"sideways\"}}] | NOT_SUPPORTED | Propagation \"sideways\"",
        "TaskTemplate.LogDriver                            | {\"Options\": {\"mode\": \"sometimes\"}}    | NOT_SUPPORTED | LogDriver.Options.mode \"sometimes\"",
        "TaskTemplate.LogDriver                            | {\"Options\": {\"max-size\": \"much\"}} | INVALID | TaskTemplate.LogDriver: invalid value for log opt max-size",
        "TaskTemplate.ContainerSpec.OomScoreAdj            | 1001 | INVALID | must be between -1000 and 1000",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"npipe\", \"Source\": \"x\", \"Target\": \"/t\"}] | NOT_SUPPORTED | Mounts[0].Type \"npipe\"",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"tmpfs\", \"Target\": \"t\"}] | INVALID | must be an absolute path",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"tmpfs\", \"Target\": \"/t\", \"TmpfsOptions\": {\"SizeBytes\": -5}}] | INVALID | TmpfsOptions.SizeBytes: must be 0 or more",
        "TaskTemplate.ContainerSpec.Mounts                 | [{\"Type\": \"tmpfs\", \"Target\": \"/t\", \"TmpfsOptions\": {\"Options\": [[\"x\"]]}}] | NOT_SUPPORTED | Mounts[0].TmpfsOptions.Options",
        "TaskTemplate.Resources.Limits.NanoCPUs            | 10                               | INVALID | Must be at least 0.001",
        "TaskTemplate.Resources.Limits.MemoryBytes         | 1000                             | INVALID | Must be at least 4MiB",
        "TaskTemplate.Resources.Reservations.GenericResources | [{\"x\": 1}]                  | NOT_SUPPORTED | GenericResources",
        "TaskTemplate.RestartPolicy.Condition              | \"sometimes\"                    | INVALID | unsupported value \"sometimes\"",
        "TaskTemplate.Placement.Constraints                | [\"node.role\"]                  | INVALID | Constraints[0]: constraint expected one operator",
        "TaskTemplate.Placement.Constraints                | [\"a b==c\"]                     | INVALID | key 'a b' is invalid",
        "TaskTemplate.Placement.MaxReplicas                | -1                               | INVALID | MaxReplicas: must be 0 to",
        "TaskTemplate.Networks                             | [{\"Target\": \"nosuch\"}]       | NOT_FOUND | network nosuch not found",
        "TaskTemplate.Networks                             | [{\"Target\": \"host\"}]         | NOT_SUPPORTED | predefined network \"host\"",
        "TaskTemplate.LogDriver.Name                       | \"syslog\"                       | NOT_SUPPORTED | LogDriver.Name \"syslog\"",
        "TaskTemplate.Runtime                              | \"plugin\"                       | NOT_SUPPORTED | Runtime \"plugin\"",
        "Mode.Replicated.Replicas                          | -1                               | INVALID | Replicas: must be 0 to 100000",
        "Mode.Replicated.Replicas                          | 100001                           | INVALID | Replicas: must be 0 to 100000",
        "Mode.Replicated.Replicas                          | \"3\"                            | INVALID | Replicas: expected an integer",
        "Mode.Global                                       | {}                               | INVALID | only one service mode",
        "Mode.ReplicatedJob                                | {}                               | INVALID | only one service mode",
        "Mode                                              | {\"ReplicatedJob\": {\"TotalCompletions\": -1}} | INVALID | TotalCompletions: must be 0 to 100000",
        "Mode                                              | {\"ReplicatedJob\": {\"MaxConcurrent\": 100001}} | INVALID | MaxConcurrent: must be 0 to 100000",
        "TaskTemplate.Resources.Reservations.GenericResources | [{\"NamedResourceSpec\": {\"Kind\": \"gpu\", \"Value\": \"A\"}}] | NOT_SUPPORTED | NamedResourceSpec",
        "TaskTemplate.Resources.Reservations.GenericResources | [{\"DiscreteResourceSpec\": {\"Kind\": \"gpu\", \"Value\": -1}}] | INVALID | must be 1 to",
        "UpdateConfig.FailureAction                        | \"shrug\"                        | INVALID | UpdateConfig.FailureAction",
        "RollbackConfig.FailureAction                      | \"rollback\"                     | INVALID | RollbackConfig.FailureAction",
        "UpdateConfig.MaxFailureRatio                      | 1.5                              | INVALID | must be between 0 and 1",
        "UpdateConfig.Order                                | \"both\"                         | INVALID | UpdateConfig.Order",
        "EndpointSpec.Ports                                | [{\"TargetPort\": 80, \"PublishedPort\": 1}, {\"TargetPort\": 81, \"PublishedPort\": 1}] | INVALID | duplicate published",
        "EndpointSpec.Ports                                | [{\"TargetPort\": 0}]            | INVALID | must be a port number",
        "Networks                                          | [{\"Target\": \"back\"}]         | NOT_SUPPORTED | Networks",
        "Surprise                                          | 1                                | NOT_SUPPORTED | Surprise",
    })
    void refusals(String path, String value, SpecException.Kind kind, String message) {
        SpecException refused = assertThrows(SpecException.class, () -> check.accept(with(path, value), SNAPSHOT, ""));
        assertTrue(refused.getMessage().contains(message), refused.getMessage());
        assertEquals(kind, refused.kind(), refused.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "TaskTemplate.ContainerSpec.Healthcheck | {}",
        "TaskTemplate.ContainerSpec.Privileges  | {\"CredentialSpec\": null, \"NoNewPrivileges\": false}",
        "TaskTemplate.ContainerSpec.Isolation   | \"default\"",
        "TaskTemplate.Runtime                   | \"container\"",
        "TaskTemplate.ContainerSpec.Env         | [\"S={{.Task.Slot}} {{ .Service.Name }} {{index .Service.Labels \\\"a\\\"}}\"]",
        "TaskTemplate.ContainerSpec.Hostname    | \"h-{{.Task.Slot}}\"",
        "TaskTemplate.ContainerSpec.Image       | \"registry.example:5000/a/b_c:1.2@sha256:82157df4282932c6037025ad9dff61c225f23cfd5c571573e82dcd3fb16db1dc\"",
        "TaskTemplate.Placement.Constraints     | [\"node.labels.zone == a\", \"node.role!=manager\"]",
        "Mode.Replicated.Replicas               | 0",
    })
    void accepted(String path, String value) {
        check.accept(with(path, value), SNAPSHOT, "");
    }

    @Test
    void aJobHasDockersDefaultsAndNoPolicyForUpdates() {
        ObjectNode job = with("Mode", "{\"ReplicatedJob\": {\"TotalCompletions\": 3}}");
        assertEquals(3, check.accept(job, SNAPSHOT, "").path("Mode").path("ReplicatedJob").path("MaxConcurrent").asInt());
        job.putObject("UpdateConfig").put("Parallelism", 1);
        assertTrue(assertThrows(SpecException.class, () -> check.accept(job, SNAPSHOT, "")).getMessage().contains("UpdateConfig: jobs are not updated"));
        job.remove("UpdateConfig");
        job.withObject("/TaskTemplate/RestartPolicy").put("Condition", "any");
        assertTrue(assertThrows(SpecException.class, () -> check.accept(job, SNAPSHOT, "")).getMessage().contains("not \"any\""));
    }

    @Test
    void networksAreStoredByTheirId() {
        JsonNode accepted = check.accept(with("TaskTemplate.Networks", "[{\"Target\": \"back\"}]"), SNAPSHOT, "");
        assertEquals(NETWORK.uid(), accepted.path("TaskTemplate").path("Networks").get(0).path("Target").asText());
    }

    @Test
    void aKernelThatLacksWhatPortsNeedRefusesThemByName() {
        ServiceSpecCheck poor = new ServiceSpecCheck(ConstraintSyntax.DOCKER, new ServiceSpecCheck.Features(List.of("masquerading (module nft_masq)")));
        SpecException refused = assertThrows(SpecException.class, () -> poor.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 80}]"), SNAPSHOT, ""));
        assertEquals(SpecException.Kind.NOT_SUPPORTED, refused.kind());
        assertTrue(refused.getMessage().contains("nft_masq"), refused.getMessage());
    }

    @Test
    void aPublishedPortBelongsToOneService() {
        ObjectNode same = with("EndpointSpec.Ports", "[{\"TargetPort\": 90, \"PublishedPort\": 8080}]");
        SpecException refused = assertThrows(SpecException.class, () -> check.accept(same, SNAPSHOT, ""));
        assertEquals("rpc error: code = InvalidArgument desc = port '8080' is already in use by service 'shop'"
                + " (svc0000000000000000000001) as an ingress port", refused.getMessage());
        check.accept(same, SNAPSHOT, PUBLISHER.uid()); // its own port does not count
        check.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 90, \"PublishedPort\": 8080, \"Protocol\": \"udp\"}]"), SNAPSHOT, "");
    }

    @Test
    void aPortThatANodePickedIsNotToBeHadOnAllNodes() {
        check.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 80, \"PublishMode\": \"host\"}, {\"TargetPort\": 80, \"PublishMode\": \"host\", \"Protocol\": \"udp\"}]"), SNAPSHOT, "");
        Task task = Sample.task("t1", Slot.replica("web", 1), Specs.SELF, TaskState.RUNNING, Map.of()).withPickedPorts(new TreeMap<>(Map.of("tcp/28000", 80)));
        ClusterSnapshot snapshot = new ClusterSnapshot(SNAPSHOT.self(), SNAPSHOT.role(), SNAPSHOT.members(), SNAPSHOT.reports(),
                SNAPSHOT.view().withTasks(new TreeMap<>(Map.of(Specs.SELF, List.of(task)))), SNAPSHOT.documents());
        SpecException refused = assertThrows(SpecException.class,
                () -> check.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 90, \"PublishedPort\": 28000}]"), snapshot, ""));
        assertTrue(refused.getMessage().contains("port '28000' is already in use by task t1 of service web"), refused.getMessage());
        check.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 90, \"PublishedPort\": 28000, \"PublishMode\": \"host\"}]"), snapshot, ""); // on other nodes
        check.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 90, \"PublishedPort\": 28001}]"), snapshot, "");
        check.accept(with("EndpointSpec.Ports", "[{\"TargetPort\": 90}]"), snapshot, "");
    }

    private static final String PROFILE = java.util.Base64.getEncoder().encodeToString("{\"defaultAction\": \"SCMP_ACT_ALLOW\"}".getBytes());

    private static ClusterSnapshot withProfile(Document... services) {
        ClusterSnapshot snapshot = Specs.snapshot(List.of(services), List.of());
        snapshot.documents().put(Kind.CONFIG, List.of(
                Specs.withSpec(Kind.CONFIG, "cfg0000000000000000000001", Specs.json("{\"Name\": \"quiet\", \"Data\": \"" + PROFILE + "\"}")),
                Specs.withSpec(Kind.CONFIG, "cfg0000000000000000000002", Specs.json("{\"Name\": \"broken\", \"Data\": \"e30=\"}"))));
        return snapshot;
    }

    @Test
    void labelsOfPoliciesBecomeFields() {
        ObjectNode spec = with("Labels", "{\"starling.seccomp\": \"quiet\", \"starling.apparmor\": \"shop\", \"starling.swap\": \"64m\", \"starling.swappiness\": \"5\"}");
        spec.withObject("/TaskTemplate/Resources/Limits").put("MemoryBytes", 64 << 20);
        JsonNode template = check.accept(spec, withProfile(), "").path("TaskTemplate");
        assertEquals(Specs.json("{\"Seccomp\": {\"Mode\": \"custom\", \"Profile\": \"" + PROFILE + "\"}, \"AppArmor\": {\"Profile\": \"shop\"}}"),
                template.path("ContainerSpec").path("Privileges"));
        assertEquals("{\"defaultAction\": \"SCMP_ACT_ALLOW\"}", ContainerOptions.security(template.path("ContainerSpec")).seccomp());
        assertEquals(64L << 20, ContainerOptions.limits(template.path("Resources")).swapBytes());
        assertEquals(5, ContainerOptions.limits(template.path("Resources")).swappiness());
    }

    @Test
    void labelsOfDevicesBecomeFields() {
        ObjectNode spec = with("Labels", "{\"starling.devices\": \"/dev/ttyUSB0, /dev/snd:rw, /dev/video0:/dev/camera:r\", \"starling.privileged\": \"true\"}");
        JsonNode container = check.accept(spec, withProfile(), "").at("/TaskTemplate/ContainerSpec");
        Security security = ContainerOptions.security(container, List.of("/dev/ttyUSB0", "/dev/ttyUSB1"));
        assertEquals(List.of(new Device("/dev/ttyUSB0", "/dev/ttyUSB0", "rwm"), new Device("/dev/snd", "/dev/snd", "rw"),
                new Device("/dev/video0", "/dev/camera", "r"), new Device("/dev/ttyUSB1", "", "")), security.devices());
        assertEquals(Security.DEFAULT.withCapabilities(List.of("ALL"), List.of()).withSeccomp("unconfined").withPrivileged(true), security.withDevices(List.of()));
    }

    @Test
    void aLabelThatIsTakenAwayTakesItsFieldAlong() {
        ObjectNode first = check.accept(with("Labels", "{\"starling.seccomp\": \"unconfined\"}"), withProfile(), "");
        Document stored = Specs.withSpec(Kind.SERVICE, "svc0000000000000000000009", first);
        ObjectNode sentBack = first.deepCopy();
        ((ObjectNode) sentBack.path("Labels")).removeAll();
        assertTrue(check.accept(sentBack, withProfile(stored), stored.uid()).at("/TaskTemplate/ContainerSpec/Privileges/Seccomp").isMissingNode());
        ObjectNode own = sentBack.deepCopy();
        own.withObject("/TaskTemplate/ContainerSpec/Privileges/Seccomp").put("Mode", "custom").put("Profile", PROFILE);
        assertEquals("custom", check.accept(own, withProfile(stored), stored.uid()).at("/TaskTemplate/ContainerSpec/Privileges/Seccomp/Mode").asText(), "the client's own wish");
        ((ObjectNode) sentBack.path("Labels")).put("starling.seccomp", "quiet");
        assertEquals("custom", check.accept(sentBack, withProfile(stored), stored.uid()).at("/TaskTemplate/ContainerSpec/Privileges/Seccomp/Mode").asText());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "starling.seccomp    | loud    | label starling.seccomp: there is no config \"loud\"",
        "starling.seccomp    | broken  | TaskTemplate.ContainerSpec: seccomp profile: defaultAction: is missing",
        "starling.apparmor   | a b     | TaskTemplate.ContainerSpec: AppArmor profile \"a b\" is no name",
        "starling.swap       | much    | label starling.swap: must be a size such as 512m",
        "starling.swap       | 64m     | TaskTemplate.Resources.SwapBytes: swap can only be limited together with memory",
        "starling.swappiness | 101     | TaskTemplate.Resources.MemorySwappiness: must be -1 to 100, got 101",
        "starling.devices    | ttyUSB0 | label starling.devices: \"ttyUSB0\" is not PATH[:PATH IN CONTAINER[:rwm]]",
        "starling.devices    | /dev/a:/b | TaskTemplate.ContainerSpec.Devices: device /dev/a: /b in the container is not below /dev",
        "starling.privileged | yes     | label starling.privileged: must be true or false",
        "starling.swapiness  | 10      | label starling.swapiness: there is no such label"})
    void labelsOfPoliciesAreChecked(String label, String value, String message) {
        SpecException refusal = assertThrows(SpecException.class, () -> check.accept(with("Labels", "{\"" + label + "\": \"" + value + "\"}"), withProfile(), ""));
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    }
}
