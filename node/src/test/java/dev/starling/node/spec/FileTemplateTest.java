package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.node.Sample;
import dev.starling.node.core.Document;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import dev.starling.scheduler.model.TaskState;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FileTemplateTest {
    private static final byte[] NO_TEXT = {(byte) 0xff, 0, (byte) 0x80, '\n'};
    private static final Map<String, byte[]> FILES = new TreeMap<>(Map.of("SECRET /run/secrets/key", NO_TEXT, "CONFIG /etc/motd", bytes("{{.Task.Slot}}")));

    private final FileTemplate template = template();

    private static FileTemplate template() {
        ObjectNode body = Sample.serviceBody("web", 3);
        body.withObject("/Spec").putObject("Labels").put("tier", "gold");
        body.withObject("/Spec/TaskTemplate/ContainerSpec").putArray("Env").add("COLOUR=blue=ish").add("PLACE=slot {{.Task.Slot}}").add("EMPTY");
        Document service = Sample.document(Kind.SERVICE, "web-uid", body);
        Task task = Sample.task("task1", Slot.replica("web-uid", 2), Sample.N1, TaskState.ASSIGNED, Map.of());
        return FileTemplate.of(service, task, TaskTemplate.of(service.spec()), Sample.report("käfer", "192.0.2.1"), new TreeMap<>(Map.of("zone", "a")),
                (kind, path) -> FILES.get(kind + " " + path));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "none                                          | none",
        "{{.Service.Name}} on {{ .Node.Hostname }}      | web on käfer",
        "{{.Task.Name}}                                | web.2.task1",
        "{{index .Service.Labels \"tier\"}}{{index .Node.Labels \"zone\"}} | golda",
        "{{env \"COLOUR\"}}, {{env \"PLACE\"}}          | blue=ish, slot 2",
        "[{{env \"EMPTY\"}}{{env \"NONE\"}}]            | []",
        "{{config \"/etc/motd\"}}                       | {{.Task.Slot}}",
        "größer {{.Task.Slot}}                          | größer 2",
    })
    void isFilledIn(String content, String filled) {
        FileTemplate.check(bytes(content));
        assertEquals(filled, new String(template.fill(bytes(content)), StandardCharsets.UTF_8));
    }

    @Test
    void aSecretThatIsNoTextComesAsItIs() {
        assertArrayEquals(NO_TEXT, template.fill(bytes("{{secret \"key\"}}")));
    }

    @Test
    void aFileThatTheTaskHasNotIsNamed() {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, () -> template.fill(bytes("{{secret \"other\"}}")));
        assertEquals("it names the secret target other, which the service does not have", refusal.getMessage());
    }

    @Test
    void itGrowsToABound() {
        FILES.put("CONFIG /large", new byte[1 << 20]);
        assertThrows(IllegalArgumentException.class, () -> template.fill(bytes("{{config \"large\"}}".repeat(5))));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{{if hunter2}}x{{end}}     | NOT_SUPPORTED | line 1",
        "{{- .Task.Slot -}}         | NOT_SUPPORTED | line 1",
        "{{env hunter2}}            | NOT_SUPPORTED | line 1",
        "{{.Task.Slot}} {{ hunter2  | INVALID       | does not end",
    })
    void anythingElseIsRefusedWithoutAWordOfIt(String content, SpecException.Kind kind, String message) {
        SpecException refusal = assertThrows(SpecException.class, () -> FileTemplate.check(bytes(content)));
        assertEquals(kind, refusal.kind(), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
        assertFalse(refusal.getMessage().contains("hunter2"), refusal.getMessage());
    }

    @Test
    void theLineIsSaid() {
        SpecException refusal = assertThrows(SpecException.class, () -> FileTemplate.check(bytes("{{.Task.ID}}\n\n{{range .x}}")));
        assertTrue(refusal.getMessage().contains("Data, line 3"), refusal.getMessage());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
