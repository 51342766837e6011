package dev.starling.runtime.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.starling.runtime.RuntimeShimException;
import java.net.Proxy;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxiesTest {
    @ParameterizedTest
    @CsvSource({
        "https://registry.example/v2/,         '',                              proxy",
        "https://registry.example/v2/,         registry.example,                direct",
        "https://a.registry.example/v2/,       registry.example,                direct",
        "https://myregistry.example/v2/,       registry.example,                proxy",
        "https://registry.example/v2/,         .registry.example,               proxy",
        "https://a.registry.example/v2/,       'other, .registry.example',      direct",
        "https://REGISTRY.example:5000/v2/,    registry.example:5000,           direct",
        "https://registry.example:5001/v2/,    registry.example:5000,           proxy",
        "https://registry.example/v2/,         registry.example:443,            direct",
        "https://10.1.2.3:5000/v2/,            10.0.0.0/8,                      direct",
        "https://11.1.2.3:5000/v2/,            10.0.0.0/8,                      proxy",
        "https://11.1.2.3:5000/v2/,            0.0.0.0/0,                       direct",
        "https://registry.example/v2/,         10.0.0.0/99,                     proxy",
        "https://registry.example/v2/,         *,                               direct",
        "https://[2001:db8::1]:5000/v2/,       2001:db8::1,                     direct",
        "https://127.0.0.1:5000/v2/,           '',                              direct",
        "https://localhost:5000/v2/,           '',                              direct",
        "http://registry.example/v2/,          '',                              direct",
    })
    void whatGoesThroughTheProxyForHttps(String address, String except, String way) {
        Proxy proxy = Proxies.of(Map.of("HTTPS_PROXY", "http://192.0.2.1:3128", "NO_PROXY", except)).of(URI.create(address));
        assertEquals(way, proxy == Proxy.NO_PROXY ? "direct" : "proxy");
    }

    @Test
    void lowerCaseGoesFirstAndEachSchemeHasItsOwn() {
        Proxies proxies = Proxies.of(Map.of("https_proxy", "192.0.2.2", "HTTPS_PROXY", "http://192.0.2.1:3128", "HTTP_PROXY", "http://192.0.2.3:1"));
        assertEquals("192.0.2.2", ((java.net.InetSocketAddress) proxies.of(URI.create("https://r.example")).address()).getHostString());
        assertEquals(1, ((java.net.InetSocketAddress) proxies.of(URI.create("http://r.example")).address()).getPort());
        assertEquals(Proxies.NONE, Proxies.of(Map.of("HTTPS_PROXY", " ")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"socks5://192.0.2.1:1080", "https://192.0.2.1", "http://edge:s3cret@192.0.2.1:3128", "http://a b", "http://"})
    void whatCannotBeUsedIsNamedWithoutItsPassword(String value) {
        RuntimeShimException refused = assertThrows(RuntimeShimException.class, () -> Proxies.of(Map.of("HTTPS_PROXY", value)));
        assertEquals("HTTPS_PROXY", refused.getMessage().split(" ")[0]);
        assertFalse(refused.getMessage().contains("s3cret"));
    }
}
