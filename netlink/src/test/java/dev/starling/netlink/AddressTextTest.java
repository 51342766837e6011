package dev.starling.netlink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressTextTest {
    @Property
    void whatIsWrittenIsRead(@ForAll @Size(4) byte[] address) {
        assertEquals(AddressText.ipv4(address), AddressText.ipv4(AddressText.ipv4(AddressText.ipv4(address))));
        assertEquals((address[2] & 0xff) + "", AddressText.ipv4(address).split("\\.")[2]);
    }

    @Property
    void ipv6ThatIsWrittenIsRead(@ForAll @Size(16) byte[] address) throws java.net.UnknownHostException {
        for (int i = 0; i < 12; i += 2) { // zero groups, long and short runs of them
            if (address[i] % 3 != 0) {
                address[i] = address[i + 1] = 0;
            }
        }
        address[0] = (byte) 0xfd;
        assertArrayEquals(address, AddressText.ipv6(AddressText.ipv6(address)), AddressText.ipv6(address));
        assertEquals(java.net.InetAddress.getByAddress(address), java.net.InetAddress.getByName(AddressText.ipv6(address)));
    }

    @ParameterizedTest
    @CsvSource({"FD00:0:0:0:0:0:0:12, fd00::12", "::, ::", "::1, ::1", "1:0:0:2:0:0:0:3, 1:0:0:2::3", "1:0:2:3:4:5:6:7, 1:0:2:3:4:5:6:7", "fd00:1:0:0:5:0:0:0, fd00:1:0:0:5::"})
    void ipv6HasOneText(String given, String expected) {
        assertEquals(expected, AddressText.ipv6(AddressText.ipv6(given)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10.0.0.1", "fd00", "fd00::1::2", "fd00::1%eth0", "::ffff:10.0.0.1", "fd00::/64", "localhost"})
    void whatIsNoIpv6AddressIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> AddressText.ipv6(text));
    }

    @ParameterizedTest
    @CsvSource({"fd00:1::/64, fd00:1::/48, true", "fd00:1::/64, fd00:2::/64, false", "fd00::/100, fd00::1000:0/100, false", "::/0, fd00::/64, true"})
    void subnetsOverlapOrNot(String one, String other, boolean overlap) {
        assertEquals(overlap, Ipv6Subnet.parse(one).overlaps(Ipv6Subnet.parse(other)));
        assertEquals(overlap, Ipv6Subnet.parse(other).overlaps(Ipv6Subnet.parse(one)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1..2.3", "256.1.1.1", "1.2.3.0444", "1.2.3.-4", "1.2.3.+4", "1.2.3.4 ",
        "a.b.c.d", "1.2.3.4/24", "1.2.3.\u0664"})
    void whatIsNoAddressIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> AddressText.ipv4(text));
    }
}
