package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.HybridTime;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.spec.ConstraintSyntax;
import dev.starling.node.spec.ServiceSpecCheck;
import dev.starling.runtime.RuntimeShimException;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What no good client sends, and the socket itself. */
final class HttpTest {
    private static final String SERVICE = """
            {"Name": "%s", "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}, "Mode": {"Replicated": {}}}
            """;

    private ApiFixture api;
    private HttpClient http;

    @BeforeEach
    void open() throws Exception {
        api = new ApiFixture();
        http = api.http();
    }

    @AfterEach
    void close() throws Exception {
        api.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "GET    | /nosuch                   | 404 | page not found",
        "GET    | /v1.41/nosuch             | 404 | page not found",
        "PUT    | /services                 | 404 | page not found",
        "POST   | /version                  | 404 | page not found",
        "GET    | /v1.24/version            | 400 | client version 1.24 is too old",
        "GET    | /v1.99/version            | 400 | client version 1.99 is too new",
        "GET    | /services/nosuch          | 404 | service nosuch not found",
        "GET    | /tasks/nosuch             | 404 | task nosuch not found",
        "GET    | /nodes/nosuch             | 404 | node nosuch not found",
        "GET    | /secrets/nosuch           | 404 | secret nosuch not found",
        "GET    | /networks/nosuch          | 404 | network nosuch not found",
        "GET    | /containers/nosuch/json   | 404 | No such container: nosuch",
        "GET    | /images/no/such:1/json    | 404 | No such image: no/such:1",
        "GET    | /distribution/a/b/json    | 404 | manifest for a/b not found: manifest unknown",
        "GET    | /distribution/busybox:latest/json | 404 | was loaded by hand",
        "POST   | /images/create?fromImage=nosuch | 404 | manifest for nosuch:latest not found: manifest unknown",
        "POST   | /images/create?fromImage=a&platform=linux/arm64 | 501 | --platform",
        "POST   | /images/create?fromSrc=-  | 501 | docker import",
        "GET    | /services?filters=%7B%22x | 400 | invalid JSON in the filters at line 1",
        "GET    | /services?filters=%7B%22x%22:%5B%22y%22%5D%7D | 400 | invalid filter 'x'",
        "GET    | /services/nosuch/logs     | 404 | service nosuch not found",
        "GET    | /containers/x/logs        | 400 | you must choose at least one stream",
        "POST   | /containers/x/exec        | 404 | No such container: x",
        "POST   | /exec/nosuch/start        | 404 | No such exec instance: nosuch",
        "GET    | /exec/nosuch/json         | 404 | No such exec instance: nosuch",
        "GET    | /containers/x/stats       | 404 | No such container: x",
        "POST   | /containers/x/wait        | 404 | No such container: x",
        "POST   | /containers/x/attach      | 400 | Upgrade: tcp",
        "POST   | /containers/x/attach?logs=1 | 501 | logs=1",
        "POST   | /containers/x/resize?h=1&w=2 | 404 | No such container: x",
        "GET    | /images/get               | 400 | 1 to 1000 images can be saved at once, got 0",
        "GET    | /images/no/such/get       | 404 | No such image: no/such",
        "GET    | /volumes/nosuch           | 404 | get nosuch: no such volume",
        "POST   | /images/prune?filters=%7B%22until%22:%5B%22soon%22%5D%7D | 400 | is no time",
        "POST   | /commit                   | 501 | docker commit",
        "POST   | /build                    | 501 | docker build",
        "DELETE | /networks/bridge          | 403 | pre-defined",
    })
    void refusals(String method, String path, int status, String message) throws IOException {
        HttpClient.Answer answer = http.send(method, path, new byte[0]);
        assertTrue(answer.message().contains(message), answer.text());
        assertEquals(status, answer.status());
        assertEquals("application/json", answer.headers().get("content-type"));
        assertEquals("1.50", answer.headers().get("api-version"));
    }

    @Test
    void malformedJsonIsToldWithItsPlace() throws IOException {
        HttpClient.Answer answer = http.post("/v1.50/services/create", "{\"Name\": \"a\",\n  \"Mode\" oops}");
        assertEquals(400, answer.status());
        assertTrue(answer.message().contains("line 2, column 1"), answer.message());
        assertEquals(400, http.post("/services/create", "[1]").status());
        assertEquals(400, http.post("/services/create", "{} {}").status());
        assertEquals(400, http.post("/services/create", "").status());
        assertEquals(400, http.post("/services/create", "[".repeat(100_000)).status());
    }

    @Test
    void anOversizedBodyIsRefused() throws IOException {
        HttpClient.Answer answer = http.send("POST", "/services/create", new byte[5 << 20]);
        assertEquals(413, answer.status());
        assertTrue(answer.message().contains("4194304 bytes"), answer.message());
        assertEquals(200, http.get("/_ping").status(), "the API lives on");
    }

    @Test
    void pingTellsTheVersionAndTheRole() throws IOException {
        HttpClient.Answer ping = http.get("/_ping");
        assertEquals("OK", ping.text());
        assertEquals("active/manager", ping.headers().get("swarm"));
        assertEquals("linux", ping.headers().get("ostype"));
        HttpClient.Answer head = http.send("HEAD", "/_ping", new byte[0]);
        assertEquals(200, head.status());
        assertEquals("1.50", head.headers().get("api-version"));
    }

    @Test
    void aStaleVersionIsOutOfSequence() throws IOException {
        String id = http.post("/services/create", SERVICE.formatted("web")).json().path("ID").asText();
        JsonNode service = http.get("/services/" + id).json();
        assertEquals(1, service.path("Version").path("Index").asInt());
        assertEquals(1, service.path("Spec").path("Mode").path("Replicated").path("Replicas").asInt(), "Docker's default is filled in");
        assertEquals(200, http.post("/services/" + id + "/update?version=1", service.path("Spec").toString()).status());
        HttpClient.Answer stale = http.post("/services/" + id + "/update?version=1", service.path("Spec").toString());
        assertEquals(500, stale.status());
        assertTrue(stale.message().contains("update out of sequence"), stale.message());
        assertEquals(400, http.post("/services/" + id + "/update", service.path("Spec").toString()).status());
        assertEquals(400, http.post("/services/" + id + "/update?version=x", service.path("Spec").toString()).status());
        JsonNode updated = http.get("/services/" + id).json();
        assertEquals(service.path("Spec"), updated.path("PreviousSpec"));
    }

    @Test
    void unknownFieldsAreRefusedByNameAndEmptyOnesAreNot() throws IOException {
        ObjectNode service = (ObjectNode) Json.parse(SERVICE.formatted("web").getBytes(), "test");
        service.putObject("Frobnicate").put("Level", 0);
        assertEquals(201, http.post("/services/create", service.toString()).status());
        service.put("Name", "other").withObjectProperty("Frobnicate").put("Level", 1);
        HttpClient.Answer answer = http.post("/services/create", service.toString());
        assertEquals(501, answer.status());
        assertTrue(answer.message().startsWith("Frobnicate"), answer.message());
    }

    @Test
    void anEndpointThatThrowsAnswersAndKillsNothing() throws IOException {
        assertEquals(204, http.post("/containers/" + container() + "/kill", "").status());
        api.runtime.failWith(RuntimeShimException.system("kill: EPERM", null));
        HttpClient.Answer answer = http.post("/containers/" + container() + "/kill", "");
        assertEquals(500, answer.status());
        assertEquals("kill: EPERM", answer.message());
        api.runtime.failWith(new IllegalStateException("boom"));
        assertEquals("boom", http.get("/containers/json").message());
        assertEquals("OK", http.get("/_ping").text());
    }

    private String container() {
        String id = "ef".repeat(32);
        if (api.runtime.inspect(id) == null) {
            api.runtime.add(id, "c", java.util.Map.of(), List.of());
        }
        return id;
    }

    @Test
    void anUploadThatBreaksOffFailsAndTheApiLivesOn() throws Exception {
        try (var channel = java.nio.channels.SocketChannel.open(UnixDomainSocketAddress.of(api.socket))) {
            channel.write(java.nio.ByteBuffer.wrap("POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabcdef".getBytes()));
        }
        assertEquals(200, http.post("/images/load", "some archive").status());
        assertEquals("some archive".length(), api.images.loadedBytes);
    }

    @Test
    void whatTheCliNeedsIsThere() throws IOException {
        http.post("/networks/create", "{\"Name\": \"net\", \"Driver\": \"overlay\"}");
        http.post("/services/create", """
                {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "busybox"}, "Networks": [{"Target": "net"}]},
                 "Labels": {"com.docker.stack.namespace": "st"}, "Mode": {"Replicated": {"Replicas": 2}}}
                """);
        for (int i = 0; i < 4; i++) {
            api.cluster.snapshot();
        }
        requireFields("/nodes", "ID", "Version.Index", "Spec.Role", "Spec.Availability", "Description.Hostname", "Status.State", "Status.Addr");
        requireFields("/tasks", "ID", "Spec.ContainerSpec.Image", "DesiredState", "Slot", "Status.State", "Status.Timestamp", "NodeID",
                "ServiceID", "NetworksAttachments");
        requireFields("/services?status=true", "ID", "Version.Index", "Spec.Name", "Spec.Mode.Replicated.Replicas", "Endpoint",
                "Spec.TaskTemplate.ContainerSpec.Image", "Spec.Labels", "ServiceStatus.RunningTasks", "ServiceStatus.DesiredTasks");
        requireFields("/networks", "Id", "Name", "Driver", "Scope");
        requireFields("/images/json", "Created", "Id", "RepoTags", "Size");
        api.runtime.add("ef".repeat(32), "c", java.util.Map.of(), List.of());
        requireFields("/containers/json", "Command", "Created", "Id", "Image", "Names", "Status");
        requireFields("/info", "Swarm.NodeID", "Swarm.ControlAvailable");
        requireFields("/swarm", "JoinTokens.Worker", "JoinTokens.Manager", "Version.Index", "Spec");
        assertTrue(http.get("/containers/" + "ef".repeat(32) + "/json").json().path("Config").isObject());
    }

    /** @param path of an object or of a list of them */
    private void requireFields(String path, String... fields) throws IOException {
        HttpClient.Answer answer = http.get(path);
        assertEquals(200, answer.status(), answer.text());
        JsonNode json = answer.json();
        JsonNode entries = json.isArray() ? json : Json.array().add(json);
        assertTrue(entries.size() > 0, path + " is empty");
        for (JsonNode entry : entries) {
            for (String field : fields) {
                JsonNode value = entry;
                for (String part : field.split("\\.")) {
                    value = value.path(part);
                }
                assertTrue(!value.isMissingNode() && !value.isNull(), () -> path + " has no " + field + ": " + entry);
            }
        }
    }

    @Test
    void upToDateTellsOldTasksFromNew() throws IOException {
        String id = http.post("/services/create", SERVICE.formatted("web")).json().path("ID").asText();
        for (int i = 0; i < 4; i++) {
            api.cluster.snapshot();
        }
        ObjectNode spec = (ObjectNode) http.get("/services/" + id).json().path("Spec");
        spec.withObjectProperty("TaskTemplate").put("ForceUpdate", 1);
        assertEquals(200, http.post("/services/" + id + "/update?version=1", spec.toString()).status());
        String query = "/tasks?filters=%7B%22_up-to-date%22:%7B%22VALUE%22:true%7D,%22service%22:%7B%22web%22:true%7D%7D";
        JsonNode fresh = http.get(query.replace("VALUE", "true")).json();
        JsonNode old = http.get(query.replace("VALUE", "false")).json();
        assertEquals(1, fresh.size());
        assertEquals("running", fresh.get(0).path("DesiredState").asText());
        assertEquals(1, old.size());
        assertEquals("shutdown", old.get(0).path("DesiredState").asText());
        assertEquals("busybox", old.get(0).path("Spec").path("ContainerSpec").path("Image").asText());
    }

    @Test
    void waitingSlotsAreShownWhereTheSchedulerTellsThem() throws Exception {
        PendingTasks pending = snapshot -> snapshot.view().services().values().stream().map(service -> new Task("pending000000000000000001",
                Slot.replica(service.uid(), 9), null, 1, service.templateHash(), service.image(), TaskState.PENDING, TaskState.RUNNING,
                HybridTime.of(1, 0), 0, 0, 0, 1, 1, "pending task scheduling", "no suitable node (1 node is full)", -1, "", 0,
                new TreeMap<>())).toList();
        DockerApi.Seams seams = new DockerApi.Seams(pending, ConstraintSyntax.DOCKER, ServiceSpecCheck.Features.ALL);
        try (ApiFixture told = new ApiFixture(seams)) {
            told.http().post("/services/create", SERVICE.formatted("web"));
            JsonNode tasks = told.http().get("/tasks?filters=%7B%22id%22:%5B%22pending%22%5D%7D").json();
            assertEquals("no suitable node (1 node is full)", tasks.get(0).path("Status").path("Err").asText());
            assertEquals("pending", tasks.get(0).path("Status").path("State").asText());
            assertTrue(tasks.get(0).path("NodeID").isMissingNode());
        }
    }

    @Test
    void requestsAreCounted() throws Exception {
        http.get("/services/nosuch");
        Timer timer = api.metrics.find("starling.api.requests").tag("path", "/services/{id}").tag("status", "404").timer();
        assertEquals(1, timer.count());
    }

    @Test
    void aTaskOfADeadNodeThatWasReplacedIsShownAsShutDown() throws IOException {
        String id = http.post("/services/create", SERVICE.formatted("web")).json().path("ID").asText();
        for (int i = 0; i < 4; i++) {
            api.cluster.snapshot();
        }
        Task old = api.cluster.tasks().get(0);
        api.cluster.die(old.node());
        assertEquals("running", http.get("/tasks/" + old.id()).json().path("DesiredState").asText(), "nobody has the slot yet");
        api.cluster.takeOver(old.slot(), FakeCluster.N1);
        assertEquals("shutdown", http.get("/tasks/" + old.id()).json().path("DesiredState").asText());
        for (int i = 0; i < 4; i++) {
            api.cluster.snapshot();
        }
        JsonNode status = http.get("/services?status=true").json().get(0).path("ServiceStatus");
        assertEquals(1, status.path("RunningTasks").asInt(), "the dead node's task does not count, service " + id);
    }

    @Test
    void networksGetSubnetsAndIdsOfTheirOwn() throws IOException {
        for (int i = 0; i < 20; i++) {
            assertEquals(201, http.post("/networks/create", "{\"Name\": \"n" + i + "\", \"Driver\": \"overlay\", \"IPAM\": null}").status());
        }
        var documents = api.cluster.snapshot().documents().get(Kind.NETWORK);
        assertEquals(20, documents.stream().map(d -> d.spec().path("IPAM").path("Config").get(0).path("Subnet").asText()).distinct().count());
        assertEquals(20, documents.stream().map(d -> d.spec().path("VxlanId").asInt()).distinct().count());
    }

    @Test
    void theSocketIsForOwnerAndGroup() throws IOException {
        assertEquals("rw-rw----", PosixFilePermissions.toString(Files.getPosixFilePermissions(api.socket)));
        try (var files = Files.list(api.directory)) {
            assertEquals(List.of(api.socket), files.toList(), "nothing else is left in the directory");
        }
    }

    @Test
    void aLiveSocketIsAnErrorAndADeadOneIsReplaced() throws Exception {
        ExecutionException taken = assertThrows(ExecutionException.class, () -> api.another(api.socket));
        assertTrue(taken.getCause().getMessage().contains("another daemon listens at " + api.socket), taken.getMessage());
        Path stale = api.directory.resolve("stale.sock");
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(stale));
        }
        assertTrue(Files.exists(stale), "Java leaves the file behind, as a killed agent does");
        DockerApi second = api.another(stale);
        assertEquals("OK", new HttpClient(stale).get("/_ping").text());
        ApiFixture.await(second.close());
        assertTrue(Files.notExists(stale));
        Path file = Files.createFile(api.directory.resolve("file"));
        assertThrows(ExecutionException.class, () -> api.another(file));
        assertTrue(Files.exists(file), "a file that is no socket stays");
        Files.delete(file);
    }

    @Test
    void aPortWithoutANumberIsShownWithThatOfEachTask() throws IOException {
        String ports = "[{\"TargetPort\": 80, \"PublishMode\": \"host\"}, {\"TargetPort\": 90, \"PublishedPort\": 9090, \"PublishMode\": \"host\"}]";
        String id = http.post("/services/create", SERVICE.formatted("web").replace("\"Mode\"", "\"EndpointSpec\": {\"Ports\": " + ports + "}, \"Mode\""))
                .json().path("ID").asText();
        for (int i = 0; i < 4; i++) {
            api.cluster.snapshot();
        }
        assertEquals("[{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishMode\":\"host\"},{\"Protocol\":\"tcp\",\"TargetPort\":90,\"PublishedPort\":9090,\"PublishMode\":\"host\"}]",
                http.get("/services/" + id).json().path("Endpoint").path("Ports").toString());
        JsonNode status = http.get("/tasks?filters=%7B%22service%22:%7B%22web%22:true%7D%7D").json().get(0).path("Status").path("PortStatus").path("Ports");
        assertEquals("[{\"Protocol\":\"tcp\",\"TargetPort\":90,\"PublishedPort\":9090,\"PublishMode\":\"host\"},"
                + "{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishedPort\":28000,\"PublishMode\":\"host\"}]", status.toString());
    }
}
