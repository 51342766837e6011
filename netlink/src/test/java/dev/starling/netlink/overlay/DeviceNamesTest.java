package dev.starling.netlink.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class DeviceNamesTest {
    @Property(tries = 200)
    void namesFitAndAreReadBack(@ForAll @StringLength(25) @CharRange(from = 'a', to = 'z') @CharRange(from = '0', to = '9') String uid, @ForAll String endpoint) {
        DeviceNames names = DeviceNames.of(uid);
        for (String name : new String[] {names.bridge(), names.vxlan(), names.leg(endpoint)}) {
            assertTrue(name.length() <= 15 && name.matches("[a-z0-9-]+"), name);
        }
        assertEquals(Optional.of(names), DeviceNames.ofDevice(names.bridge()));
        assertEquals(Optional.of(names), DeviceNames.ofDevice(names.vxlan()));
        assertEquals(Optional.empty(), DeviceNames.ofDevice(names.leg(endpoint)));
        assertEquals(names, DeviceNames.of(names.key()), "a key stands for itself");
        assertNotEquals(names.leg(endpoint), names.leg(endpoint + "x"));
    }

    @Test
    void devicesOfOthersAreNotRead() {
        for (String name : new String[] {"docker0", "sb-", "sb-UPPER67890", "sb-12345678901", "xsb-123456789", "eth0"}) {
            assertEquals(Optional.empty(), DeviceNames.ofDevice(name), name);
        }
        assertThrows(IllegalArgumentException.class, () -> DeviceNames.of("short"));
        assertThrows(IllegalArgumentException.class, () -> DeviceNames.of("../../../../etc/passwd"));
    }
}
