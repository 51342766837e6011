package dev.starling.runtime;

/**
 * A file that is put into a container when it starts: a secret or a config. It is no part of {@link ContainerSpec}, so that its content is
 * neither kept in {@code state.json} nor told to those who list containers; it lives in memory, in the container's mount namespace, and
 * ends with it.
 *
 * @param path where it is in the container, absolute; read-only there
 * @param mode permission bits
 */
public record ContainerFile(String path, byte[] content, int uid, int gid, int mode) {
    @Override
    public String toString() {
        return "ContainerFile[" + path + ", " + content.length + " bytes]"; // never the content
    }
}
