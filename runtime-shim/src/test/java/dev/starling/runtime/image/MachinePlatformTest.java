package dev.starling.runtime.image;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MachinePlatformTest {
    @ParameterizedTest
    @CsvSource({
        "amd64, '',  linux,   amd64, '',  true",
        "amd64, '',  linux,   amd64, v1,  true",
        "amd64, '',  linux,   amd64, v3,  false",
        "amd64, '',  windows, amd64, '',  false",
        "amd64, '',  linux,   arm64, v8,  false",
        "arm64, v8,  linux,   arm64, v8,  true",
        "arm64, v8,  linux,   arm64, '',  true",
        "arm64, v8,  linux,   arm64, v9,  false",
        "arm,   v7,  linux,   arm,   v6,  true",
        "arm,   v6,  linux,   arm,   v7,  false",
        "arm,   v6,  linux,   arm,   '',  false",
        "arm,   v7,  linux,   arm,   v8,  false",
    })
    void runs(String architecture, String variant, String imageOs, String imageArchitecture, String imageVariant, boolean runs) {
        int fit = new MachinePlatform("linux", architecture, variant).fit(imageOs, imageArchitecture, imageVariant);
        assertEquals(runs, fit != MachinePlatform.DOES_NOT_RUN);
    }

    @ParameterizedTest
    @CsvSource({"arm, v7, v7, v6", "arm, v6, v6, v5", "arm64, v8, v8, ''"})
    void prefers(String architecture, String variant, String better, String worse) {
        MachinePlatform machine = new MachinePlatform("linux", architecture, variant);
        assertEquals(1, Integer.signum(machine.fit("linux", architecture, better) - machine.fit("linux", architecture, worse)));
    }
}
