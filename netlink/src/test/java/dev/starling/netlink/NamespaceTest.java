package dev.starling.netlink;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Each of its tests has network namespaces of its own. */
public abstract class NamespaceTest {
    protected NamespaceLab lab;

    @BeforeEach
    final void openLab() {
        lab = NamespaceLab.open();
    }

    @AfterEach
    final void closeLab() {
        if (lab != null) {
            lab.close();
        }
    }
}
