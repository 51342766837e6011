package dev.starling.node.cli;

import picocli.CommandLine.IVersionProvider;

/** The release this jar was built as. */
public final class BuildInfo implements IVersionProvider {
    public static String version() {
        String version = BuildInfo.class.getPackage().getImplementationVersion();
        return version == null ? "dev" : version;
    }

    public static String commit() {
        return "";
    }

    @Override
    public String[] getVersion() {
        return new String[] {"starling " + version()};
    }
}
