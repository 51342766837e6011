package dev.starling.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressTextTest {
    @Property
    void whatIsWrittenIsRead(@ForAll @Size(4) byte[] address) {
        assertEquals(AddressText.ipv4(address), AddressText.ipv4(AddressText.ipv4(AddressText.ipv4(address))));
        assertEquals((address[2] & 0xff) + "", AddressText.ipv4(address).split("\\.")[2]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1..2.3", "256.1.1.1", "1.2.3.0444", "1.2.3.-4", "1.2.3.+4", "1.2.3.4 ",
        "a.b.c.d", "1.2.3.4/24", "1.2.3.\u0664"})
    void whatIsNoAddressIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> AddressText.ipv4(text));
    }
}
