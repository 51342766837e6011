package dev.starling.runtime.volume;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.starling.runtime.RuntimeShimException;
import dev.starling.runtime.RuntimeShimException.Kind;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VolumeOptionsTest {
    /** Flags as include/uapi/linux/mount.h numbers them. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "''                                    | 0        | 0       | ''",
        "defaults,_netdev,nofail,x-systemd.a=b | 0        | 0       | ''",
        "ro,nosuid,nodev,noexec                | 0xf      | 0       | ''",
        "ro,rw,nosuid,suid,noatime             | 0x400    | 0       | ''",
        "size=10m,uid=1000,ro                  | 1        | 0       | size=10m,uid=1000",
        "sync,dirsync,nodiratime,relatime      | 0x200890 | 0       | ''",
        "bind,ro                               | 0x1001   | 0       | ''",
        "rbind,rslave                          | 0x5000   | 0x84000 | ''",
        "addr=10.0.0.1,vers=4,soft             | 0        | 0       | addr=10.0.0.1,vers=4,soft",
    })
    void wordsAreTakenApartAsMountDoes(String options, String flags, String propagation, String data) {
        MountWords words = MountWords.parse(options);
        assertEquals(Long.decode(flags), words.flags());
        assertEquals(Long.decode(propagation), words.propagation());
        assertEquals(data, String.join(",", words.data()));
    }

    /** What of a bind is said with its first call is not heard. */
    @Test
    void aBindGetsItsFlagsByASecondCall() {
        MountWords bind = MountWords.parse("rbind,ro,nodev");
        assertEquals(0x5000, bind.flagsAtFirst());
        assertEquals(5, bind.flagsAfterBind());
        MountWords other = MountWords.parse("ro,nodev");
        assertEquals(5, other.flagsAtFirst());
        assertEquals(0, other.flagsAfterBind());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "kind=tmpfs                                     | invalid option: \"kind\"",
        "type=tmpfs                                     | missing required option: \"device\"",
        "o=ro;device=tmpfs                              | missing required option: \"type\"",
        "type=tmpfs;device=tmpfs;size=10m               | no quota support",
        "type=none;device=srv;o=bind                    | must be an absolute path",
        "type=none;device=/srv;o=bind,size=1m           | \"size=1m\" means nothing",
        "type=ext4;device=/disk.img;o=loop              | losetup",
        "type=tmpfs;device=tmpfs;o=remount              | cannot have \"remount\"",
        "type=nfs;device=/export;o=addr=1.2.3.4         | is not SERVER:/PATH",
        "type=nfs;device=:/export;o=ro                  | must have addr=SERVER",
    })
    void whatCannotBeIsRefusedBeforeAnythingIsMade(String written, String expected) {
        RuntimeShimException refusal = assertThrows(RuntimeShimException.class, () -> VolumeOptions.of(options(written)));
        assertEquals(Kind.INVALID, refusal.kind());
        assertTrue(refusal.getMessage().contains(expected), refusal.getMessage());
    }

    private static Map<String, String> options(String written) {
        Map<String, String> options = new TreeMap<>();
        for (String option : written.split(";")) {
            options.put(option.substring(0, option.indexOf('=')), option.substring(option.indexOf('=') + 1));
        }
        return options;
    }

    @Test
    void aPageOfOptionsIsAllThereCanBe() {
        VolumeOptions.of(Map.of("type", "tmpfs", "device", "tmpfs", "o", "x".repeat(4095)));
        Map<String, String> more = Map.of("type", "tmpfs", "device", "tmpfs", "o", "x".repeat(4096));
        assertTrue(assertThrows(RuntimeShimException.class, () -> VolumeOptions.of(more)).getMessage().contains("longer than 4095"));
    }

    @Test
    void theKernelIsGivenAddresses() {
        VolumeOptions.Names names = name -> {
            if (name.equals("nas.lan")) {
                return InetAddress.getByAddress(new byte[] {10, 0, 0, 7});
            }
            throw new UnknownHostException(name);
        };
        assertEquals("10.0.0.7", VolumeOptions.address("nas.lan", "/v", names));
        assertEquals("10.0.0.8", VolumeOptions.address("10.0.0.8", "/v", names));
        assertEquals("fd00::8", VolumeOptions.address("fd00::8", "/v", names));
        assertEquals("//10.0.0.7/share/below", VolumeOptions.withAddress("//nas.lan/share/below", "/v", names));
        String unknown = assertThrows(RuntimeShimException.class, () -> VolumeOptions.address("nowhere", "/v", names)).getMessage();
        assertTrue(unknown.contains("error resolving passed in network volume address: \"nowhere\""), unknown);
    }

    @Test
    void passwordsAreNotTold() {
        assertEquals("type=cifs device=//1.2.3.4/s o=username=u,password=********,ro",
                VolumeOptions.text(Map.of("type", "cifs", "device", "//1.2.3.4/s", "o", "username=u,password=secret,ro")));
        assertEquals("user=x,pass=********", MountFailure.withoutSecrets(List.of("user=x", "pass=a")));
    }

    @Test
    void theMountTableIsReadAsTheKernelWritesIt() {
        MountTable table = MountTable.parse("""
                36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
                37 36 0:40 / /data/a\\040b/_data rw - tmpfs tmpfs rw
                """);
        assertTrue(table.has("/data/a b/_data"));
        assertTrue(table.hasBelow("/data/a b"));
        assertFalse(table.hasBelow("/data/a"));
        assertFalse(table.has("/data"));
    }
}
