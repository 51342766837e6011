package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.NumericChars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryReferenceTest {
    private static final String HEX = "1c35c441208254cb7c3844ba95a96485388cef9ccc0646d562c7fc026e04c807";

    @ParameterizedTest
    @CsvSource({
        "busybox,                          docker.io/library/busybox:latest,       busybox:latest",
        "busybox:1.36,                     docker.io/library/busybox:1.36,         busybox:1.36",
        "library/busybox,                  docker.io/library/busybox:latest,       busybox:latest",
        "docker.io/busybox,                docker.io/library/busybox:latest,       busybox:latest",
        "docker.io/library/busybox:latest, docker.io/library/busybox:latest,       busybox:latest",
        "index.docker.io/library/busybox,  docker.io/library/busybox:latest,       busybox:latest",
        "team/app:V1,                      docker.io/team/app:V1,                  team/app:V1",
        "localhost/app,                    localhost/app:latest,                   localhost/app:latest",
        "edge.example:5000/a/b/c:1,        edge.example:5000/a/b/c:1,              edge.example:5000/a/b/c:1",
        "edge:5000/app,                    edge:5000/app:latest,                   edge:5000/app:latest",
        "[fd00::1]:5000/app:1,             [fd00::1]:5000/app:1,                   [fd00::1]:5000/app:1",
        "a__b/c-d.e_f---g,                 docker.io/a__b/c-d.e_f---g:latest,      a__b/c-d.e_f---g:latest",
        "docker.io/library/a/b,            docker.io/library/a/b:latest,           library/a/b:latest",
    })
    void readsNamesAsDockerDoes(String text, String canonical, String familiar) {
        RegistryReference reference = RegistryReference.parse(text);
        assertEquals(canonical, reference.canonical());
        assertEquals(familiar, reference.familiar());
        assertEquals(reference, RegistryReference.parse(canonical));
        assertEquals(reference, RegistryReference.parse(familiar));
    }

    @ParameterizedTest
    @CsvSource({"busybox@, ''", "busybox:1.36@, 1.36", "edge.example:5000/app@, ''"})
    void aDigestStandsForTheTag(String before, String tag) {
        RegistryReference reference = RegistryReference.parse(before + "sha256:" + HEX);
        assertEquals("sha256:" + HEX, reference.digest());
        assertEquals(tag, reference.tag());
        assertEquals(before + "sha256:" + HEX, reference.familiar());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", " ", "busybox:", ":latest", "busybox:-x", "busybox@", "busybox@sha256:12", "busybox@md5:" + HEX, "/busybox", "busybox/", "a//b", "a/-b",
        "a_", "a..b", "a___b", "host_x.example/app", "edge.example:port/app", "busybox\n", "büsybox", "../etc/passwd", "a/../b", HEX,
    })
    void refusesWhatDockerRefuses(String text) {
        assertEquals(Kind.INVALID, assertThrows(RuntimeShimException.class, () -> RegistryReference.parse(text)).kind());
    }

    @ParameterizedTest
    @ValueSource(strings = {"team/BusyBox", "edge.example/App"})
    void saysThatNamesAreLowerCase(String text) {
        RuntimeShimException failure = assertThrows(RuntimeShimException.class, () -> RegistryReference.parse(text));
        assertEquals(true, failure.getMessage().endsWith("must be lowercase"), failure.getMessage());
    }

    @Property(tries = 500)
    void anyTextIsReadOrRefused(@ForAll @AlphaChars @NumericChars @Chars({'/', ':', '.', '@', '-', '_', '[', ']'}) @StringLength(max = 40) String text) {
        RegistryReference reference;
        try {
            reference = RegistryReference.parse(text);
        } catch (RuntimeShimException refused) {
            assertEquals(Kind.INVALID, refused.kind());
            return;
        }
        assertEquals(reference, RegistryReference.parse(reference.canonical()));
    }

    @Property(tries = 20)
    void longTextsAreRefusedAtOnce(@ForAll @StringLength(min = 500, max = 20_000) @Chars({'a', '-', '.'}) String text) {
        assertThrows(RuntimeShimException.class, () -> RegistryReference.parse(text));
    }
}
