package dev.starling.node.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.gossip.Endpoint;
import dev.starling.node.config.OverlaySettings;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** On this machine's loopback addresses; 192.0.2.0/24 is nobody's (RFC 5737). */
class UnderlayTest {
    private static Underlay underlay(String address, String advertise) {
        return Underlay.of(new OverlaySettings(address, OverlaySettings.UDP_PORT, null), new Endpoint(advertise, 7946));
    }

    @Test
    void anAddressOfThisHostIsWhereTunnelsEnd() {
        assertEquals(Underlay.open("127.0.0.1"), underlay(null, "127.0.0.1"));
        assertTrue(underlay(null, "192.0.2.77").natted(), "nobody here has it");
        assertFalse(underlay("192.0.2.5", "192.0.2.5").natted(), "the configuration is believed");
        assertEquals("192.0.2.5", underlay("192.0.2.5", "203.0.113.1").address());
    }

    @Test
    void ipv6HasTheKernelsSpelling() {
        assertEquals(Underlay.open("fd00:30::1"), underlay("FD00:30:0::1", "fd00:30:0:0:0:0:0:1"));
        assertEquals(Optional.of("fd00:30::2"), Underlay.open("fd00:30::1").towards("fd00:30:0::02"));
        assertEquals(20, Underlay.open("fd00:30::1").lessRoom());
        assertEquals(0, Underlay.open("192.0.2.1").lessRoom());
    }

    @Test
    void aTunnelHasOneFamilyAndNoNames() {
        for (String other : new String[] {"fd00:30::2", "n2.example", "", "1.2.3", "::ffff:192.0.2.1", "fd00::1%eth0"}) {
            assertEquals(Optional.empty(), Underlay.open("192.0.2.1").towards(other), other);
        }
        assertEquals(Optional.empty(), Underlay.open("fd00:30::1").towards("192.0.2.1"));
        assertEquals(Optional.of("192.0.2.2"), Underlay.open("192.0.2.1").towards("192.0.2.2"));
    }
}
