internal import ArgumentParser
internal import Glibc
internal import JSON
internal import Runtime

/// `doctor`
struct Doctor: HostCommand {
    static let flagUse = GlobalFlagUse.result
    static let configuration = CommandConfiguration(
        abstract: "Tell what the host has and lacks, with the command that mends it.",
        discussion: "KVM is probed by booting a tiny guest. The exit status is 1 where something is missing.")
    @OptionGroup var globals: GlobalOptions

    func run(_ host: HostContext) async throws {
        guard let loop = EventLoop.current else { return }
        let doctor = HostDoctor(
            settings: try host.settings(), environment: host.environment, isRoot: geteuid() == 0,
            executable: host.executable, loop: loop)
        let checks = await doctor.examine()
        switch host.renderer.format {
        case .json, .yaml: host.terminal.write(host.renderer.document(DoctorCheck.document(checks)))
        case .name:
            host.terminal.write(checks.filter { $0.state != .ok }.map { $0.name + "\n" }.joined())
        default: host.terminal.write(DoctorCheck.table(checks, headers: host.renderer.headers))
        }
        if checks.contains(where: { $0.state == .missing }) { throw CommandsFailed(status: .failed) }
    }
}
