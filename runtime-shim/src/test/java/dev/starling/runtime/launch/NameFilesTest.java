package dev.starling.runtime.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.starling.runtime.ContainerSpec.Dns;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a container's resolv.conf takes over from the host's. */
class NameFilesTest {
    @ParameterizedTest
    @CsvSource({
        "nameserver 192.0.2.1, true", "nameserver\t192.0.2.1, true", "nameserver 2606:4700:4700::1111, true", "nameserver 2001:db8::1, true",
        "nameserver fe80::1%eth0, true", "nameserver 10.127.0.1, true",
        "nameserver 127.0.0.1, false", "nameserver\t127.0.0.53, false", "nameserver ::1, false", "nameserver ::ffff:127.0.0.1, false", "nameserver, false",
    })
    void aNameserverOfTheHostIsTakenUnlessItIsTheHostItself(String line, boolean taken) {
        assertEquals(taken ? line + "\n" : "", NameFiles.resolvConf(Dns.NONE, List.of("# written by hand", line, "")));
    }

    @Test
    void whatTheSpecSaysReplacesItsKind() {
        List<String> host = List.of("search lan", "options ndots:2", "nameserver 192.0.2.1");
        assertEquals("search lan\noptions ndots:2\nnameserver 192.0.2.1\n", NameFiles.resolvConf(Dns.NONE, host));
        assertEquals("options ndots:2\nnameserver 192.0.2.1\nsearch shop\n", NameFiles.resolvConf(new Dns(List.of(), List.of("shop"), List.of()), host));
        assertEquals("nameserver 10.0.0.2\nsearch shop\noptions ndots:0\n", NameFiles.resolvConf(new Dns(List.of("10.0.0.2"), List.of("shop"), List.of("ndots:0")), host));
    }
}
