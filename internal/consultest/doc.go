// Package consultest is a stand-in for Consul that runs inside a test: exactly
// the calls that LiteFS v0.5.14 makes for its lease, over HTTP on loopback.
//
//	PUT /v1/catalog/register             a node, so that sessions can name it
//	PUT /v1/session/create               TTL, LockDelay, Behavior
//	PUT /v1/session/renew/{id}           404 when the session is gone
//	PUT /v1/session/destroy/{id}
//	GET /v1/kv/{key}                     404 when there is none
//	PUT /v1/kv/{key}[?acquire=|release=]
//
// Everything else is answered with 501 and says so.
//
// It differs from Consul in three ways that make tests short and exact: a TTL
// may be as short as a second (Consul: 10 s); a session ends exactly one TTL
// after its last renewal (Consul allows itself up to two); and there is one
// server, so there is never an election among servers.
//
// As in Consul, a key whose session was invalidated (by its TTL, by destroy, or
// by Expire) can be acquired only after the session's lock delay; a key that was
// released can be acquired at once.
package consultest
