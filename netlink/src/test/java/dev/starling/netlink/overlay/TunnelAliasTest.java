package dev.starling.netlink.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TunnelAliasTest {
    @Test
    void eachPeerHasOneOfItsOwnWhichStaysWhenOthersCome() {
        List<String> peers = IntStream.range(0, 1000).mapToObj(number -> "node" + number).toList();
        Map<String, String> aliases = TunnelAlias.of(peers);
        assertEquals(1000, new HashSet<>(aliases.values()).size());
        assertTrue(aliases.values().stream().allMatch(TunnelAlias::isOne));
        Map<String, String> few = TunnelAlias.of(peers.subList(0, 10));
        assertEquals(few, aliases.entrySet().stream().filter(entry -> few.containsKey(entry.getKey()))
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue)));
    }

    @Test
    void twoWithOneHashHaveTwo() {
        assertEquals("Aa".hashCode(), "BB".hashCode());
        Map<String, String> aliases = TunnelAlias.of(Set.of("Aa", "BB"));
        assertEquals(2, new HashSet<>(aliases.values()).size());
        assertEquals(aliases.get("Aa"), TunnelAlias.of(Set.of("Aa")).get("Aa"));
    }

    @Test
    void othersAreNone() {
        for (String address : List.of("10.0.0.1", "24.0.0.1", "248.0.0.1", "255.255.255.255", "192.0.2.1", "2.4.0.1", "")) {
            assertFalse(TunnelAlias.isOne(address), address);
        }
    }
}
