package dev.starling.node.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.starling.gossip.Endpoint;
import java.util.List;
import org.junit.jupiter.api.Test;

class AdvertiseAddressTest {
    private static final String HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";

    @Test
    void whatTheFileSaysComesFirstThenTheAddressListenedOn() {
        assertEquals(new Endpoint("192.0.2.1", 70), AdvertiseAddress.of(ConfigLoader.parse("f", "advertise: 192.0.2.1:70\nlisten: 10.0.0.1")));
        assertEquals(new Endpoint("192.0.2.1", 80), AdvertiseAddress.of(ConfigLoader.parse("f", "advertise: 192.0.2.1\nlisten: 0.0.0.0:80")));
        assertEquals(new Endpoint("10.0.0.1", 90), AdvertiseAddress.of(ConfigLoader.parse("f", "listen: 10.0.0.1:90")));
    }

    @Test
    void theDefaultRouteWithTheLowestMetricWins() {
        assertEquals("wlan0", AdvertiseAddress.ipv4DefaultInterface(List.of(HEADER,
                "eth0\t00000000\t0102A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0",
                "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0",
                "eth1\t00000000\t0102A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0",
                "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0")));
        assertNull(AdvertiseAddress.ipv4DefaultInterface(List.of(HEADER, "vpn0\t00000000\t0\t0003\t0\t0\t0\t00000080\t0\t0\t0")));
        assertNull(AdvertiseAddress.ipv4DefaultInterface(List.of()));
    }

    @Test
    void theKernelsUnreachableDefaultOfIpv6IsNotTaken() {
        String zero = "0".repeat(32);
        String unreachable = zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200       lo";
        String real = zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0";
        assertNull(AdvertiseAddress.ipv6DefaultInterface(List.of(unreachable)));
        assertEquals("eth0", AdvertiseAddress.ipv6DefaultInterface(List.of(unreachable, real)));
    }
}
