package dev.starling.node.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.starling.gossip.desired.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The real docker command with secrets and configs. */
final class SecretCliTest extends WithDockerCli {
    private static final ObjectMapper JSON = new ObjectMapper();

    private String ok(String... arguments) throws Exception {
        return docker.run(arguments).ok().out().strip();
    }

    private void fails(String text, String... arguments) throws Exception {
        DockerCli.Result result = docker.run(arguments);
        assertTrue(result.exitCode() != 0, () -> String.join(" ", arguments) + " was taken");
        assertTrue(result.err().contains(text), () -> text + " is not in " + result.err());
    }

    private String file(String content) throws Exception {
        return Files.writeString(Files.createTempFile(api.directory, "value", ""), content).toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"secret", "config"})
    void createListInspectRemove(String word) throws Exception {
        String id = ok(word, "create", "--label", "tier=db", "x.one", file("hunter2"));
        String other = ok(word, "create", "y", file("else"));
        fails(word + " x.one already exists", word, "create", "x.one", file("hunter2"));
        assertEquals(2, ok(word, "ls", "-q").lines().count());
        assertEquals(id, ok(word, "ls", "-q", "--filter", "name=x."));
        assertEquals(id, ok(word, "ls", "-q", "--filter", "label=tier=db"));
        assertEquals(other, ok(word, "ls", "-q", "--filter", "id=" + other));
        JsonNode shown = JSON.readTree(ok(word, "inspect", "x.one")).get(0);
        assertEquals("{\"tier\":\"db\"}", shown.path("Spec").path("Labels").toString());
        assertEquals(word.equals("config"), shown.toString().contains("aHVudGVyMg"), "a config's data is shown, a secret's is not");
        assertFalse(shown.has("Sealed"));
        ok(word, "rm", "y");
        fails(word + " y not found", word, "inspect", "y");
        api.cluster.becomeWorker();
        fails("not a swarm manager", word, "create", "z", file("z"));
        fails("not a swarm manager", word, "rm", "x.one");
    }

    @Test
    void oneInUseIsKeptAndTheServiceIsNamed() throws Exception {
        String secret = ok("secret", "create", "db", file("hunter2"));
        ok("config", "create", "conf", file("a=b"));
        ok("service", "create", "-d", "--name", "web", "--secret", "source=db,target=/etc/db,uid=5,gid=6,mode=0440", "--config", "conf", "busybox");
        JsonNode container = api.cluster.document(Kind.SERVICE, "web").spec().path("TaskTemplate").path("ContainerSpec");
        assertEquals(JSON.readTree("{\"File\":{\"Name\":\"/etc/db\",\"UID\":\"5\",\"GID\":\"6\",\"Mode\":288},\"SecretID\":\"" + secret
                + "\",\"SecretName\":\"db\"}"), container.path("Secrets").get(0));
        assertTrue(ok("service", "inspect", "--pretty", "web").contains("db"));
        fails("secret 'db' is in use by the following service: web", "secret", "rm", "db");
        fails("config 'conf' is in use by the following service: web", "config", "rm", "conf");
        ok("service", "create", "-d", "--name", "api", "--secret", "db", "busybox");
        fails("secret 'db' is in use by the following services: web, api", "secret", "rm", "db");
        ok("service", "rm", "api");
        ok("service", "update", "-d", "--secret-rm", "db", "--config-rm", "conf", "web");
        ok("secret", "rm", "db");
        ok("config", "rm", "conf");
        fails("secret not found: db", "service", "update", "-d", "--secret-add", "db", "web");
        fails("secret not found: db", "service", "rollback", "-d", "web");
    }

    @Test
    void onlyLabelsCanBeChanged() throws Exception {
        String id = ok("secret", "create", "db", file("hunter2"));
        String same = "{\"Name\": \"db\", \"Labels\": {\"a\": \"b\"}, \"Data\": \"aHVudGVyMg==\"}";
        HttpClient http = api.http();
        assertEquals(200, http.post("/secrets/" + id + "/update?version=1", same).status());
        assertEquals("b", JSON.readTree(ok("secret", "inspect", "db")).get(0).path("Spec").path("Labels").path("a").asText());
        assertEquals(500, http.post("/secrets/" + id + "/update?version=1", same).status(), "out of sequence");
        assertEquals(400, http.post("/secrets/" + id + "/update?version=2", same.replace("aHVudGVyMg", "b3RoZXJz")).status());
        assertEquals(400, http.post("/secrets/" + id + "/update?version=2", same.replace("\"db\"", "\"other\"")).status());
        assertEquals(400, http.post("/secrets/" + id + "/update", same).status());
    }

    @Test
    void aStackBringsItsOwn() throws Exception {
        Path compose = Files.writeString(api.directory.resolve("compose.yml"), """
                version: "3.8"
                services:
                  web:
                    image: busybox
                    secrets: [{source: db, target: db_password, mode: 0400}]
                    configs: [{source: conf, target: /etc/app.conf}]
                    tmpfs: /scratch
                    volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1000000}}, {type: volume, source: v, target: /v, volume: {nocopy: true}}]
                secrets: {db: {file: ./db}}
                configs: {conf: {file: ./conf}}
                volumes: {v: {}}
                """);
        Files.writeString(api.directory.resolve("db"), "hunter2");
        Files.writeString(api.directory.resolve("conf"), "a=b");
        ok("stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", compose.toString(), "st");
        assertEquals("st_db", ok("secret", "ls", "--format", "{{.Name}}"));
        ok("stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", compose.toString(), "st");
        assertEquals(2, api.cluster.document(Kind.SECRET, "st_db").object().generation());
        ok("stack", "rm", "st");
        assertEquals("", ok("config", "ls", "-q") + ok("secret", "ls", "-q"));
    }
}
