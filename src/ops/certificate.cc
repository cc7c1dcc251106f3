#include "ops/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/types.h>
#include <openssl/x509.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): timegm is not in <ctime>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/error.h"

namespace stoa::ops {

Result<Timestamp> certificate_end(const std::filesystem::path& file) {
  const std::unique_ptr<BIO, int (*)(BIO*)> in{::BIO_new_file(file.c_str(), "r"), ::BIO_free};
  if (!in) return io_error("cannot read the certificate", errno, file.string());
  const std::unique_ptr<X509, void (*)(X509*)> certificate{
      ::PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), ::X509_free};
  if (!certificate) return bad_input("holds no PEM certificate", file.string());
  tm time{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate.get()), &time) != 1) {
    return bad_input("its end is no time", file.string());
  }
  constexpr std::int64_t kNsPerS = 1'000'000'000;
  return Timestamp::from_ns(std::int64_t{::timegm(&time)} * kNsPerS);
}

}  // namespace stoa::ops
