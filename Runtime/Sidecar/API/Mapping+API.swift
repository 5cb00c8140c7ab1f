import Events
import Foundation
import LocalAPI
import Settings

// The settings of the sockets, as the local API takes them.

extension Configuration {
    /// `nil` where there is no socket.
    var peerPolicy: PeerPolicy? {
        api.map { api in
            PeerPolicy(
                grants: api.peers.isEmpty ? [PeerPolicy.ownUser(geteuid())] : api.peers.map { Grant($0) },
                rate: api.rate, body: api.body, streams: api.streams)
        }
    }
}

extension APISettings {
    var servicePlace: SocketPlace { place(socket) }
    var adminPlace: SocketPlace { place(adminSocket) }

    private func place(_ path: String) -> SocketPlace {
        SocketPlace(path: URL(filePath: path).path, mode: mode.bits, group: group)
    }
}

extension Grant {
    fileprivate init(_ peer: PeerSettings) {
        self.init(
            name: peer.name, users: peer.users, groups: peer.groups,
            roles: Set(peer.roles.compactMap { Role(rawValue: $0.rawValue) }),
            publish: peer.publish.map { publish in
                PublishGrant(
                    source: NamePattern(publish.source), detailTypes: publish.detailTypes.map { NamePattern($0) })
            },
            sources: peer.sources.map { NamePattern($0) }, tenants: peer.tenants)
    }
}
