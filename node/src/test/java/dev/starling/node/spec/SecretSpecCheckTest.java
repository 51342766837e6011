package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Secrets and configs on their way in. */
final class SecretSpecCheckTest {
    private static ObjectNode spec(String name, int bytes) {
        return Specs.json("{\"Labels\": null}").put("Name", name).put("Data", Base64.getEncoder().encodeToString(new byte[bytes]));
    }

    @Test
    void theDataIsTakenOutOfTheSpec() {
        SecretSpecCheck.Accepted accepted = SecretSpecCheck.acceptNew(Kind.SECRET, spec("db.password-1", 3));
        assertArrayEquals(new byte[3], accepted.data());
        assertFalse(accepted.spec().has("Data"));
        assertTrue(accepted.spec().path("Labels").isObject());
        assertNull(SecretSpecCheck.accept(Specs.json("{\"Name\": \"x\"}")).data());
    }

    @ParameterizedTest
    @CsvSource({"SECRET, 511999, true", "SECRET, 512000, false", "SECRET, 0, false", "CONFIG, 1023999, true", "CONFIG, 1024000, false", "CONFIG, 0, false"})
    void sizesAreDockers(Kind kind, int bytes, boolean taken) {
        if (taken) {
            assertEquals(bytes, SecretSpecCheck.acceptNew(kind, spec("x", bytes)).data().length);
        } else {
            SpecException refusal = assertThrows(SpecException.class, () -> SecretSpecCheck.acceptNew(kind, spec("x", bytes)));
            assertTrue(refusal.getMessage().contains("data must be larger than 0 and less than " + (kind == Kind.SECRET ? 512000 : 1024000) + " bytes"),
                    refusal.getMessage());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{}                                                            | INVALID       | name must be provided",
        "{\"Name\": \"-x\", \"Data\": \"eA==\"}                       | INVALID       | invalid name, only 64",
        "{\"Name\": \"a/b\", \"Data\": \"eA==\"}                      | INVALID       | invalid name, only 64",
        "{\"Name\": \"x\"}                                            | INVALID       | data must be larger than 0",
        "{\"Name\": \"x\", \"Data\": \"hunter2!\"}                    | INVALID       | illegal base64 data",
        "{\"Name\": \"x\", \"Driver\": {\"Name\": \"vault\"}}           | NOT_SUPPORTED | Driver",
        "{\"Name\": \"x\", \"Templating\": {\"Name\": \"jinja\"}}       | NOT_SUPPORTED | Templating.Name \"jinja\"",
        "{\"Name\": \"x\", \"Data\": \"e3tpZiBodW50ZXIyIX19\", \"Templating\": {\"Name\": \"golang\"}} | NOT_SUPPORTED | Data, line 1",
    })
    void refusals(String json, SpecException.Kind kind, String message) {
        SpecException refusal = assertThrows(SpecException.class, () -> SecretSpecCheck.acceptNew(Kind.SECRET, Specs.json(json)));
        assertEquals(kind, refusal.kind(), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
        assertFalse(refusal.getMessage().contains("hunter2"), refusal.getMessage());
    }

    @Test
    void aTemplateIsKeptAsOne() {
        SecretSpecCheck.Accepted accepted = SecretSpecCheck.acceptNew(Kind.CONFIG, Specs.json(
                "{\"Name\": \"x\", \"Data\": \"e3suVGFzay5TbG90fX0=\", \"Templating\": {\"Name\": \"golang\"}}"));
        assertEquals("golang", accepted.spec().path("Templating").path("Name").asText());
    }

    @Test
    void aNameHasAtMost64Characters() {
        SecretSpecCheck.acceptNew(Kind.SECRET, spec("x".repeat(64), 1));
        assertThrows(SpecException.class, () -> SecretSpecCheck.acceptNew(Kind.SECRET, spec("x".repeat(65), 1)));
    }
}
