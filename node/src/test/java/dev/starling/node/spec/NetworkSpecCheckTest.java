package dev.starling.node.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.starling.gossip.desired.Kind;
import dev.starling.netlink.overlay.OverlayNetwork;
import dev.starling.node.core.Document;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class NetworkSpecCheckTest {
    private static ObjectNode accept(List<Document> existing, String request) {
        return new NetworkSpecCheck(Specs.snapshot(List.of(), existing)).accept(Specs.json(request));
    }

    @Property(tries = 50)
    void pickedSubnetsAndIdsNeverClash(@ForAll @Size(min = 2, max = 20) List<@AlphaChars @StringLength(min = 1, max = 8) String> names) {
        List<Document> made = new ArrayList<>();
        made.add(Specs.withSpec(Kind.NETWORK, "wide", accept(List.of(), """
                {"Name": "wide", "Driver": "overlay", "IPAM": {"Config": [{"Subnet": "10.0.0.0/9"}]}}""")));
        Subnet hosts = Subnet.parse("10.77.0.0/16");
        for (String name : names) {
            ObjectNode spec = accept(made, "{\"Name\": \"" + name + "\", \"Driver\": \"overlay\", \"IPAM\": null}");
            Subnet subnet = Subnet.parse(spec.path("IPAM").path("Config").get(0).path("Subnet").asText());
            assertEquals(24, subnet.prefix());
            assertFalse(subnet.overlaps(hosts), "the nodes' own addresses stay reachable");
            for (Document other : made) {
                OverlayNetwork overlay = NetworkSpecReader.overlay(other).orElseThrow();
                assertFalse(subnet.overlaps(Subnet.parse(overlay.subnet())), subnet + " and " + overlay);
                assertTrue(overlay.vni() != spec.path("VxlanId").asInt());
            }
            made.add(Specs.withSpec(Kind.NETWORK, "net" + made.size(), spec));
        }
    }

    @Test
    void whatWasAskedForIsStoredAndRead() {
        ObjectNode spec = accept(List.of(), """
                {"Name": "a", "CheckDuplicate": true, "Driver": "overlay", "Attachable": true, "Labels": {"x": "y"},
                 "Options": {"com.docker.network.driver.mtu": "1400"}, "EnableIPv4": true, "EnableIPv6": false,
                 "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "192.168.4.0/22", "Gateway": "192.168.5.9"}]}}
                """);
        OverlayNetwork overlay = NetworkSpecReader.overlay(Specs.withSpec(Kind.NETWORK, "net", spec)).orElseThrow();
        assertEquals(new OverlayNetwork("net", spec.path("VxlanId").asInt(), "192.168.4.0/22", "192.168.5.9", false, 1400), overlay);
        assertTrue(overlay.vni() >= 4096 && overlay.vni() < 1 << 24);
        assertEquals("y", spec.path("Labels").path("x").asText());
    }

    @Test
    void ipv6AddressesHaveTheNumbersOfIpv4Addresses() {
        ObjectNode spec = accept(List.of(), """
                {"Name": "a", "Driver": "overlay", "EnableIPv6": true,
                 "IPAM": {"Config": [{"Subnet": "FD00:1::/64", "Gateway": "fd00:1:0::1"}, {"Subnet": "10.0.1.0/24"}]}}""");
        assertEquals("""
                [{"Subnet":"10.0.1.0/24","Gateway":"10.0.1.1"},{"Subnet":"fd00:1::/64","Gateway":"fd00:1::1"}]""", spec.path("IPAM").path("Config").toString());
        OverlayNetwork overlay = NetworkSpecReader.overlay(Specs.withSpec(Kind.NETWORK, "net", spec)).orElseThrow();
        assertEquals(Optional.of("fd00:1::12/64"), overlay.ipv6("10.0.1.18/24"));
        assertEquals(Optional.of("fd00:1::fe"), overlay.ipv6("10.0.1.254"));
        assertEquals(Optional.empty(), overlay.ipv6("10.0.2.1"), "not of this network");
    }

    @Test
    void pickedIpv6SubnetsAreUniqueLocalAndDoNotClash() {
        List<Document> made = new ArrayList<>();
        for (String name : List.of("a", "b", "c")) {
            ObjectNode spec = accept(made, "{\"Name\": \"" + name + "\", \"Driver\": \"overlay\", \"EnableIPv6\": true}");
            assertTrue(spec.path("IPAM").path("Config").path(1).path("Subnet").asText().matches("fd.*::/64"), spec.toString());
            made.add(Specs.withSpec(Kind.NETWORK, "net" + name, spec));
        }
        assertEquals(3, made.stream().map(network -> NetworkSpecReader.overlay(network).orElseThrow().ipv6Subnet()).distinct().count());
        String taken = NetworkSpecReader.overlay(made.get(0)).orElseThrow().ipv6Subnet();
        SpecException refused = assertThrows(SpecException.class, () -> accept(made, "{\"Name\": \"d\", \"Driver\": \"overlay\", \"EnableIPv6\": true, "
                + "\"IPAM\": {\"Config\": [{\"Subnet\": \"" + taken + "\"}]}}"));
        assertTrue(refused.getMessage().contains("of network"), refused.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "\"Name\": \"a\"                                                      | NOT_SUPPORTED | bridge",
        "\"Name\": \"a\", \"Driver\": \"macvlan\"                             | NOT_SUPPORTED | Driver \"macvlan\"",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"ConfigOnly\": true       | NOT_SUPPORTED | ConfigOnly",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"EnableIPv6\": true, \"IPAM\": {\"Config\": [{\"Subnet\": \"fd00::/121\"}]} | INVALID | as many addresses",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"EnableIPv6\": true, \"IPAM\": {\"Config\": [{\"Subnet\": \"fd00::1/64\"}]} | INVALID | invalid subnet",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"EnableIPv6\": true, \"IPAM\": {\"Config\": [{\"Subnet\": \"fe80::/64\"}]} | INVALID | is not for networks",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"EnableIPv6\": true, \"IPAM\": {\"Config\": [{\"Subnet\": \"fd00:1::/64\"}, {\"Subnet\": \"fd00:2::/64\"}]} | NOT_SUPPORTED | more than one IPv6",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"EnableIPv6\": true, \"IPAM\": {\"Config\": [{\"Subnet\": \"fd00:1::/64\", \"Gateway\": \"fd00:1::9\"}]} | NOT_SUPPORTED | gateway fd00:1::9",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"EnableIPv4\": false      | NOT_SUPPORTED | without IPv4",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"Options\": {\"encrypted\": \"\"} | NOT_SUPPORTED | --opt encrypted",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"Options\": {\"x\": \"1\"} | NOT_SUPPORTED | Options.x",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"Options\": {\"com.docker.network.driver.mtu\": \"9\"} | INVALID | must be 576 to",
        "\"Name\": \"a b\", \"Driver\": \"overlay\"                           | INVALID | invalid network name",
        "\"Name\": \"host\", \"Driver\": \"overlay\"                          | FORBIDDEN | predefined host network",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"IPAM\": {\"Config\": [{\"Subnet\": \"10.0.0.1/24\"}]} | INVALID | invalid subnet",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"IPAM\": {\"Config\": [{\"Subnet\": \"fd00::/64\"}]}   | INVALID | needs --ipv6",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"IPAM\": {\"Config\": [{\"Subnet\": \"10.0.0.0/31\"}]} | INVALID | prefix length",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"IPAM\": {\"Config\": [{\"Subnet\": \"10.0.0.0/24\", \"Gateway\": \"10.1.0.1\"}]} | INVALID | not in the subnet",
        "\"Name\": \"a\", \"Driver\": \"overlay\", \"IPAM\": {\"Config\": [{\"Subnet\": \"10.0.0.0/24\", \"IPRange\": \"10.0.0.0/25\"}]} | NOT_SUPPORTED | IPRange",
    })
    void refusals(String fields, SpecException.Kind kind, String message) {
        SpecException refused = assertThrows(SpecException.class, () -> accept(List.of(), "{" + fields + "}"));
        assertTrue(refused.getMessage().contains(message), refused.getMessage());
        assertEquals(kind, refused.kind());
    }
}
